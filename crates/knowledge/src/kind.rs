//! What kind of thing a question asks for, and whether a sentence holds one.

use crate::language::Language;
use whatlang::Lang;

/// What a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person, a place, an organisation.
    Name,
    /// A year, a date, a time of day.
    Time,
    /// A number, an amount, a duration.
    Number,
    /// Anything.
    Other,
}

impl Kind {
    /// By the words that ask, in the languages known here; otherwise anything.
    pub(crate) fn asked_by(question: &str, language: Language) -> Self {
        let (cues, spaced) = cues(language.lang());
        let plain: String = question
            .to_lowercase()
            .chars()
            .map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' })
            .collect();
        let plain = if spaced {
            format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "))
        } else {
            plain.replace(' ', "")
        };
        cues.iter()
            .find(|(cue, _)| {
                if spaced {
                    plain.contains(&format!(" {cue} "))
                } else {
                    plain.contains(cue)
                }
            })
            .map_or(Self::Other, |(_, kind)| *kind)
    }

    /// How far a sentence holds such a thing, beyond what the question names itself: 0 to 1; 0.5 when that cannot be told.
    pub(crate) fn found_in(self, sentence: &str, question: &str, language: Language) -> f32 {
        let found = match self {
            Self::Other => return 0.5,
            Self::Time => {
                numbers(sentence).any(|n| n.len() >= 3 && !question.contains(n))
                    || has_time_word(sentence, language)
            }
            Self::Number => {
                numbers(sentence).any(|n| !question.contains(n)) || has_number_word(sentence, language)
            }
            Self::Name => match names_can_be_told(language) {
                false => return 0.5,
                true => has_new_name(sentence, question),
            },
        };
        if found { 1.0 } else { 0.0 }
    }
}

/// Cues, the more telling first, and whether they are words between spaces.
const fn cues(language: Lang) -> (&'static [(&'static str, Kind)], bool) {
    use Kind::{Name, Number, Time};
    match language {
        Lang::Eng => (
            &[
                ("how many", Number),
                ("how much", Number),
                ("how long", Number),
                ("how old", Number),
                ("how far", Number),
                ("how often", Number),
                ("how tall", Number),
                ("how large", Number),
                ("how big", Number),
                ("how high", Number),
                ("how fast", Number),
                ("how deep", Number),
                ("how wide", Number),
                ("percentage", Number),
                ("what number", Number),
                ("what is the number", Number),
                ("price", Number),
                ("what does it cost", Number),
                ("population of", Number),
                ("what year", Time),
                ("which year", Time),
                ("what years", Time),
                ("what date", Time),
                ("what day", Time),
                ("what month", Time),
                ("what century", Time),
                ("which century", Time),
                ("what decade", Time),
                ("what time", Time),
                ("when", Time),
                ("who", Name),
                ("whom", Name),
                ("whose", Name),
                ("who's", Name),
                ("where", Name),
                ("which country", Name),
                ("what country", Name),
                ("what city", Name),
                ("which city", Name),
                ("what state", Name),
                ("what company", Name),
                ("which company", Name),
            ],
            true,
        ),
        Lang::Deu => (
            &[
                ("wie viel", Number),
                ("wie viele", Number),
                ("wieviel", Number),
                ("wieviele", Number),
                ("wie lange", Number),
                ("wie alt", Number),
                ("wie oft", Number),
                ("wie hoch", Number),
                ("wie groß", Number),
                ("wie weit", Number),
                ("wie teuer", Number),
                ("prozentsatz", Number),
                ("in welchem jahr", Time),
                ("welches jahr", Time),
                ("welchem jahrhundert", Time),
                ("wann", Time),
            ],
            true,
        ),
        Lang::Fra => (
            &[
                ("combien", Number),
                ("quel âge", Number),
                ("quel prix", Number),
                ("quelle année", Time),
                ("quelle date", Time),
                ("quel siècle", Time),
                ("quand", Time),
                ("qui est", Name),
                ("où", Name),
            ],
            true,
        ),
        Lang::Spa => (
            &[
                ("cuánto", Number),
                ("cuántos", Number),
                ("cuánta", Number),
                ("cuántas", Number),
                ("qué año", Time),
                ("qué fecha", Time),
                ("qué siglo", Time),
                ("cuándo", Time),
                ("quién", Name),
                ("quiénes", Name),
                ("dónde", Name),
            ],
            true,
        ),
        Lang::Ita => (
            &[
                ("quanto", Number),
                ("quanti", Number),
                ("quanta", Number),
                ("quante", Number),
                ("che anno", Time),
                ("quale anno", Time),
                ("quando", Time),
                ("chi", Name),
                ("dove", Name),
            ],
            true,
        ),
        Lang::Por => (
            &[
                ("quanto", Number),
                ("quantos", Number),
                ("quanta", Number),
                ("quantas", Number),
                ("que ano", Time),
                ("quando", Time),
                ("quem", Name),
                ("onde", Name),
            ],
            true,
        ),
        Lang::Nld => (
            &[
                ("hoeveel", Number),
                ("hoe lang", Number),
                ("hoe oud", Number),
                ("hoe vaak", Number),
                ("welk jaar", Time),
                ("wanneer", Time),
                ("wie", Name),
                ("waar", Name),
            ],
            true,
        ),
        Lang::Rus => (
            &[
                ("сколько", Number),
                ("как долго", Number),
                ("каком году", Time),
                ("какой год", Time),
                ("каком веке", Time),
                ("когда", Time),
                ("кто", Name),
                ("кого", Name),
                ("где", Name),
                ("куда", Name),
                ("какой стране", Name),
            ],
            true,
        ),
        Lang::Cmn => (
            &[
                ("多少", Number),
                ("多久", Number),
                ("多长", Number),
                ("几个", Number),
                ("多大", Number),
                ("多高", Number),
                ("什么时候", Time),
                ("何时", Time),
                ("哪一年", Time),
                ("哪年", Time),
                ("几点", Time),
                ("哪个世纪", Time),
            ],
            false,
        ),
        Lang::Jpn => (
            &[
                ("いくら", Number),
                ("いくつ", Number),
                ("何人", Number),
                ("何個", Number),
                ("どのくらい", Number),
                ("何年", Time),
                ("いつ", Time),
                ("何時", Time),
            ],
            false,
        ),
        _ => (&[], true),
    }
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_numeric())
        .filter(|number| !number.is_empty())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn has_time_word(sentence: &str, language: Language) -> bool {
    let known: &[&str] = match language.lang() {
        Lang::Eng => &[
            "january",
            "february",
            "march",
            "april",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
            "century",
            "decade",
            "today",
            "tomorrow",
            "yesterday",
            "morning",
            "evening",
            "noon",
            "midnight",
            "weekend",
            "weekdays",
            "daily",
            "hours",
            "am",
            "pm",
            "summer",
            "winter",
            "spring",
            "autumn",
        ],
        Lang::Deu => &[
            "januar",
            "februar",
            "märz",
            "april",
            "mai",
            "juni",
            "juli",
            "august",
            "september",
            "oktober",
            "november",
            "dezember",
            "montag",
            "dienstag",
            "mittwoch",
            "donnerstag",
            "freitag",
            "samstag",
            "sonntag",
            "jahrhundert",
            "jahrhunderts",
            "uhr",
            "heute",
            "morgen",
            "täglich",
            "werktags",
            "montags",
            "sonntags",
        ],
        Lang::Rus => &[
            "января",
            "февраля",
            "марта",
            "апреля",
            "мая",
            "июня",
            "июля",
            "августа",
            "сентября",
            "октября",
            "ноября",
            "декабря",
            "века",
            "веке",
            "году",
            "года",
            "ежедневно",
        ],
        Lang::Cmn | Lang::Jpn => {
            return ["年", "月", "日", "世纪", "世紀", "点", "時", "周", "星期"]
                .iter()
                .any(|mark| sentence.contains(mark));
        }
        _ => &[],
    };
    words(sentence).any(|word| known.contains(&word.to_lowercase().as_str()))
}

fn has_number_word(sentence: &str, language: Language) -> bool {
    let known: &[&str] = match language.lang() {
        Lang::Eng => &[
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "twenty",
            "thirty",
            "forty",
            "fifty",
            "sixty",
            "hundred",
            "thousand",
            "thousands",
            "million",
            "billion",
            "half",
            "dozen",
            "dozens",
            "third",
            "quarter",
            "twice",
            "once",
            "free",
            "several",
            "both",
            "zero",
            "none",
        ],
        Lang::Deu => &[
            "eins",
            "zwei",
            "drei",
            "vier",
            "fünf",
            "sechs",
            "sieben",
            "acht",
            "neun",
            "zehn",
            "elf",
            "zwölf",
            "zwanzig",
            "dreißig",
            "hundert",
            "tausend",
            "millionen",
            "milliarden",
            "million",
            "hälfte",
            "dutzend",
            "kostenlos",
            "frei",
        ],
        Lang::Rus => &[
            "один",
            "одна",
            "два",
            "две",
            "три",
            "четыре",
            "пять",
            "шесть",
            "семь",
            "восемь",
            "девять",
            "десять",
            "сто",
            "тысяч",
            "миллион",
            "миллионов",
            "миллиардов",
            "половина",
            "бесплатно",
            "двух",
            "трех",
            "трёх",
            "четырех",
            "пяти",
        ],
        Lang::Cmn | Lang::Jpn => {
            return sentence.contains([
                '一', '二', '两', '三', '四', '五', '六', '七', '八', '九', '十', '百', '千', '万', '亿',
                '半',
            ]);
        }
        _ => &[],
    };
    words(sentence).any(|word| known.contains(&word.to_lowercase().as_str()))
}

/// Where names alone are written with a capital.
const fn names_can_be_told(language: Language) -> bool {
    matches!(
        language.lang(),
        Lang::Eng
            | Lang::Fra
            | Lang::Spa
            | Lang::Ita
            | Lang::Por
            | Lang::Nld
            | Lang::Rus
            | Lang::Swe
            | Lang::Dan
    )
}

/// A word with a capital that does not begin the sentence and does not stand in the question.
fn has_new_name(sentence: &str, question: &str) -> bool {
    let question = question.to_lowercase();
    words(sentence).skip(1).any(|word| {
        word.chars().count() > 1
            && word.chars().next().is_some_and(char::is_uppercase)
            && !question.contains(&word.to_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_ask_tell_what_is_asked_for() {
        let english = |question| Kind::asked_by(question, Language::ENGLISH);

        assert_eq!(english("How much does shipping cost?"), Kind::Number);
        assert_eq!(english("Since when are you open?"), Kind::Time);
        assert_eq!(english("Who founded it?"), Kind::Name);
        assert_eq!(english("What is a whole?"), Kind::Other);
        assert_eq!(
            Kind::asked_by("Wie lange dauert der Versand?", Language::GERMAN),
            Kind::Number
        );
        assert_eq!(
            Kind::asked_by("你们什么时候发货？", Language::CHINESE),
            Kind::Time
        );
    }

    #[test]
    fn a_sentence_holds_what_is_asked_for_or_not() {
        let found = |kind: Kind, sentence, question| kind.found_in(sentence, question, Language::ENGLISH);

        assert_eq!(found(Kind::Number, "It takes two days.", "How long?"), 1.0);
        assert_eq!(found(Kind::Number, "It takes a while.", "How long?"), 0.0);
        assert_eq!(
            found(Kind::Number, "Model 7 is slow.", "How fast is model 7?"),
            0.0
        );
        assert_eq!(
            found(Kind::Name, "It was founded by Ada Lovelace.", "Who founded Acme?"),
            1.0
        );
        assert_eq!(
            found(Kind::Name, "Then Acme was founded.", "Who founded Acme?"),
            0.0
        );
        assert_eq!(found(Kind::Other, "Anything.", "What?"), 0.5);
    }
}
