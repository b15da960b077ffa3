//! Whether the sentence that is quoted answers, and whether it is known when nothing does.

use crate::{
    bot::{Bot, chunk, look_closer, quoted, text_of},
    goals::Goals,
    metrics::{Mean, auc, false_answers, share, threshold},
    retrieval::Prepared,
    sets::{Labelled, Question},
    vectors::Vectors,
};
use anyhow::Result;
use domain::{DocumentId, Passage};
use knowledge::{DEFAULT_THRESHOLD, Found, Signals, confidence, split};
use std::{collections::HashMap, fmt::Write as _, fs, path::Path};
use store::chunks::Chunk;

/// What an answer is made of.
const PASSAGES: usize = 6;

/// Right sentence of the right document, and whether an answer is in the first five passages.
///
/// `fitting`: a folder for what the weights in `knowledge` are fitted on.
pub async fn quotes(
    prepared: &Prepared<'_>,
    vectors: &mut Option<Vectors>,
    fitting: Option<&Path>,
    goals: &mut Goals,
) -> Result<()> {
    let set = prepared.set;
    let bot = Bot::new(&prepared.passages, vectors.as_ref())?;
    let answerable: Vec<&Question> = set
        .questions
        .iter()
        .filter(|question| question.answerable)
        .collect();
    let mut found = Vec::new();
    for question in &answerable {
        found.push((
            question.text.as_str(),
            bot.search(&question.text, PASSAGES, vectors.as_ref())?,
        ));
    }
    look_closer(vectors, &set.name, &mut found).await?;
    let (mut right, mut given, mut context) = (vec![], vec![], vec![]);
    let mut length = 0;
    let mut table = String::new();
    for (question, (_, found)) in answerable.iter().zip(&found) {
        let holds = |text: &str| question.answers.iter().any(|answer| text.contains(answer));
        let relevant = set.relevant.get(&question.id);
        let is_right =
            |passage: &Passage| relevant.is_some_and(|relevant| relevant.contains(bot.name(passage)));
        let quote = quoted(&found.passages);
        let good = quote.is_some_and(|passage| is_right(passage) && holds(passage.quoted()));
        right.push(f64::from(u8::from(good)));
        given.push(f64::from(u8::from(
            good && confidence(&found.passages).suffices(),
        )));
        for seen in found.seen() {
            let passage = &found.passages[seen.passage];
            let answers = is_right(passage) && passage.text.get(seen.range).is_some_and(holds);
            writeln!(table, "{}\t{answers}\t{}", question.id, tabbed(&seen.features))?;
        }
        length += quote.map_or(0, |passage| passage.quoted().chars().count());
        let five = found.passages.iter().take(5).any(|passage| holds(&passage.text));
        context.push(f64::from(u8::from(five)));
    }
    if let Some(folder) = fitting {
        fs::write(folder.join(format!("{}.sentences.tsv", set.name)), table)?;
    }
    let (right, given, context) = (Mean::of(&right), Mean::of(&given), Mean::of(&context));
    println!(
        "{:9} right sentence and source {right}, and given {given}; an answer in five passages {context}; quotes of {} characters",
        set.name,
        length / answerable.len().max(1)
    );
    goals.quotes(&set.name, &right, &context);
    Ok(())
}

fn tabbed(numbers: &[f32]) -> String {
    numbers.iter().map(f32::to_string).collect::<Vec<_>>().join("\t")
}

/// Questions of one kind: what was seen of those that can be answered, and of those that cannot.
struct Case {
    name: &'static str,
    with: Vec<Signals>,
    without: Vec<Signals>,
}

impl Case {
    fn report(&self, goals: &mut Goals) {
        let values = |signals: &[Signals]| -> Vec<f32> { signals.iter().map(Signals::value).collect() };
        let (with, without) = (values(&self.with), values(&self.without));
        let area = auc(&with, &without);
        let (answered, wrong) = (
            share(&with, DEFAULT_THRESHOLD),
            share(&without, DEFAULT_THRESHOLD),
        );
        println!(
            "{:28} AUC {area:.4}; at 94 % answered (from {:.3}) {:4.1} % false; at the default {:4.1} % answered, {:4.1} % false",
            self.name,
            threshold(&with),
            100.0 * false_answers(&with, &without),
            100.0 * answered,
            100.0 * wrong
        );
        goals.refusal(self.name, area, answered, wrong);
    }
}

/// Each question of squad2 is asked of chatbots that know the answer and of such that do not. `fitting`: as
/// above.
pub async fn refusal(
    prepared: &Prepared<'_>,
    vectors: &mut Option<Vectors>,
    fitting: Option<&Path>,
    goals: &mut Goals,
) -> Result<()> {
    let set = prepared.set;
    let article: HashMap<&str, &str> = set
        .documents
        .iter()
        .map(|d| (d.id.as_str(), d.title.as_str()))
        .collect();
    let mut articles: Vec<&str> = set.documents.iter().map(|d| d.title.as_str()).collect();
    articles.dedup();
    let of = |vectors: &Option<Vectors>, chosen: &dyn Fn(&str) -> bool| {
        let passages: Vec<(&str, Chunk)> = prepared
            .passages
            .iter()
            .filter(|(id, _)| chosen(id))
            .cloned()
            .collect();
        Bot::new(&passages, vectors.as_ref())
    };
    let all = of(vectors, &|_| true)?;
    let mut only = Vec::new();
    let mut without = Vec::new();
    for one in &articles {
        only.push(of(vectors, &|id| article[id] == *one)?);
        without.push(of(vectors, &|id| article[id] != *one)?);
    }
    // Four paragraphs each, of one article.
    let mut four = Vec::new();
    let mut four_of: HashMap<&str, usize> = HashMap::new();
    for one in &articles {
        let ids: Vec<&str> = set
            .documents
            .iter()
            .filter(|d| d.title == *one)
            .map(|d| d.id.as_str())
            .collect();
        for some in ids.chunks(4) {
            some.iter().for_each(|id| {
                four_of.insert(id, four.len());
            });
            four.push((*one, of(vectors, &|id| some.contains(&id))?));
        }
    }

    const NAMES: [&str; 8] = [
        "all",
        "one article",
        "four paragraphs",
        "other article",
        "article missing",
        "other four",
        "paragraph missing",
        "adversarial",
    ];
    let mut asked: Vec<(&str, Found)> = Vec::new();
    let mut labels: Vec<(usize, usize)> = Vec::new();
    for (i, question) in set.questions.iter().enumerate() {
        let relevant = set.relevant.get(&question.id);
        let at = relevant.and_then(|relevant| {
            articles
                .iter()
                .position(|a| relevant.iter().any(|id| article.get(id.as_str()) == Some(a)))
        });
        let mut ask = |label: usize, found: Found| {
            asked.push((question.text.as_str(), found));
            labels.push((label, at.unwrap_or(i % articles.len())));
        };
        let search = |bot: &Bot| bot.search(&question.text, PASSAGES, vectors.as_ref());
        let found = search(&all)?;
        let (Some(relevant), Some(at), true) = (relevant, at, question.answerable) else {
            ask(7, found);
            continue;
        };
        ask(0, found);
        ask(1, search(&only[at])?);
        let own = relevant.iter().find_map(|id| four_of.get(id.as_str()));
        if let Some(&own) = own {
            ask(2, search(&four[own].1)?);
            let mut other = (own * 7 + i) % four.len();
            while four[other].0 == articles[at] {
                other = (other + 1) % four.len();
            }
            ask(5, search(&four[other].1)?);
        }
        ask(
            3,
            search(&only[(at + 1 + i % (articles.len() - 1)) % articles.len()])?,
        );
        ask(4, search(&without[at])?);
        let mut found = bot_without(&all, question, relevant, vectors.as_ref())?;
        found.keep(PASSAGES);
        ask(6, found);
    }
    look_closer(vectors, "squad2, refusal", &mut asked).await?;
    let mut seen: [Vec<Signals>; 8] = Default::default();
    let mut table = String::new();
    for ((label, article), (_, found)) in labels.iter().zip(&asked) {
        let s = confidence(&found.passages).signals;
        let numbers = [
            s.coverage,
            s.quote_coverage,
            s.relative_score,
            s.names,
            s.neighbours,
            s.quote_score,
            f32::from(s.words),
            s.cosine.unwrap_or_default(),
            s.quote_cosine.unwrap_or_default(),
            s.among as f32,
        ];
        writeln!(table, "{}\t{article}\t{}", NAMES[*label], tabbed(&numbers))?;
        seen[*label].push(s);
    }
    if let Some(folder) = fitting {
        fs::write(folder.join("signals.tsv"), table)?;
    }
    let [known, on, on_four, off, missing, off_four, paragraph, adversarial] = seen;
    for (name, with, without) in [
        ("squad2: off the one subject", on, off),
        ("squad2: off four paragraphs", on_four, off_four),
        ("squad2: article missing", known.clone(), missing),
        ("squad2: paragraph missing", known.clone(), paragraph),
        ("squad2: adversarial", known, adversarial),
    ] {
        Case { name, with, without }.report(goals);
    }
    Ok(())
}

/// What is found when the right paragraphs are not there.
fn bot_without(
    bot: &Bot,
    question: &Question,
    relevant: &std::collections::HashSet<String>,
    vectors: Option<&Vectors>,
) -> Result<Found> {
    let mut found = bot.search(&question.text, 2 * PASSAGES, vectors)?;
    found.retain(|passage| !relevant.contains(bot.name(passage)));
    Ok(found)
}

/// Pairs of clinc150, a few for each intent; what belongs to no intent should not be answered.
pub async fn pairs(
    [taught, asked, outside]: &[Labelled; 3],
    vectors: &mut Option<Vectors>,
    goals: &mut Goals,
) -> Result<()> {
    for (examples, name) in [
        (1, "clinc150, 1 way an intent"),
        (5, "clinc150, 5 ways an intent"),
    ] {
        let mut given: HashMap<&str, usize> = HashMap::new();
        let mut passages: Vec<(&str, Chunk)> = Vec::new();
        for (question, intent) in taught {
            let count = given.entry(intent).or_default();
            *count += 1;
            if *count <= examples
                && let Some(piece) = split::pair(question, intent)
            {
                passages.push((intent, chunk(DocumentId::new(), "", piece)));
            }
        }
        if let Some(vectors) = vectors {
            let texts: Vec<String> = passages.iter().map(|(_, chunk)| text_of(chunk)).collect();
            vectors
                .learn("clinc150", texts.iter().map(String::as_str))
                .await?;
            let questions = asked.iter().chain(outside).map(|(question, _)| question.as_str());
            vectors.learn("clinc150, questions", questions).await?;
        }
        let bot = Bot::new(&passages, vectors.as_ref())?;
        let mut all = Vec::new();
        for (question, _) in asked.iter().chain(outside) {
            all.push((
                question.as_str(),
                bot.search(question, PASSAGES, vectors.as_ref())?,
            ));
        }
        look_closer(vectors, "clinc150", &mut all).await?;
        let right: Vec<f64> = asked
            .iter()
            .zip(&all)
            .map(|((_, intent), (_, found))| {
                let right = quoted(&found.passages).is_some_and(|passage| passage.text == *intent);
                f64::from(u8::from(right))
            })
            .collect();
        println!("{name}: right pair {}", Mean::of(&right));
        let mut signals: Vec<Signals> = all
            .iter()
            .map(|(_, found)| confidence(&found.passages).signals)
            .collect();
        let without = signals.split_off(asked.len());
        Case {
            name,
            with: signals,
            without,
        }
        .report(goals);
    }
    Ok(())
}
