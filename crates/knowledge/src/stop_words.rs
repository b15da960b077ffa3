//! Words of a question that say nothing about its subject. They stay in the index, so that a question made of nothing
//! else can still find a pair that was written for it.

use whatlang::Lang;

/// Words that only hold a sentence together, or only ask, in lower case and without their accents' composition.
pub(crate) const fn stop_words(language: Lang) -> &'static [&'static str] {
    match language {
        Lang::Eng => ENGLISH,
        Lang::Deu => GERMAN,
        Lang::Fra => FRENCH,
        Lang::Spa => SPANISH,
        Lang::Ita => ITALIAN,
        Lang::Por => PORTUGUESE,
        Lang::Nld => DUTCH,
        Lang::Rus => RUSSIAN,
        _ => &[],
    }
}

/// What asks in languages that put no spaces between words: cut out of a question before its characters are paired.
pub(crate) const fn asking_characters(language: Lang) -> &'static [&'static str] {
    match language {
        Lang::Cmn => CHINESE,
        Lang::Jpn => JAPANESE,
        _ => &[],
    }
}

/// Words that a question has in any subject: they count, and count less.
pub(crate) const fn light_words(language: Lang) -> &'static [&'static str] {
    match language {
        Lang::Eng => LIGHT_ENGLISH,
        Lang::Deu => LIGHT_GERMAN,
        _ => &[],
    }
}

const ENGLISH: &[&str] = &[
    "a", "about", "after", "again", "against", "all", "also", "am", "an", "and", "any", "are", "aren't", "as", "at", "be",
    "because", "been", "before", "being", "between", "both", "but", "by", "can", "can't", "cannot", "could", "couldn't",
    "did", "didn't", "do", "does", "doesn't", "doing", "don't", "during", "each", "for", "from", "further", "had", "has",
    "have", "having", "he", "her", "here", "hers", "him", "his", "how", "how's", "i", "i'd", "i'll", "i'm", "i've", "if",
    "in", "into", "is", "isn't", "it", "it's", "its", "itself", "just", "me", "more", "most", "my", "myself", "no", "nor",
    "not", "of", "off", "on", "once", "only", "or", "other", "ought", "our", "ours", "out", "over", "own", "same", "shall",
    "she", "should", "so", "some", "such", "than", "that", "that's", "the", "their", "theirs", "them", "then", "there",
    "there's", "these", "they", "this", "those", "through", "to", "too", "under", "until", "up", "very", "was", "wasn't",
    "we", "were", "weren't", "what", "what's", "when", "when's", "where", "where's", "which", "while", "who", "who's",
    "whom", "whose", "why", "will", "with", "won't", "would", "you", "you'd", "you'll", "you're", "you've", "your",
    "yours", "please", "hi", "hello", "hey", "thanks", "thank", "ok", "okay", "may", "might", "must", "let", "us",
];

const LIGHT_ENGLISH: &[&str] = &[
    "long", "much", "many", "often", "far", "take", "takes", "took", "get", "gets", "got", "getting", "give", "given",
    "want", "need", "needs", "like", "know", "known", "tell", "make", "makes", "made", "use", "used", "call", "called",
    "name", "named", "kind", "type", "types", "thing", "things", "way", "ways", "one", "first", "new", "go", "going",
    "come", "say", "said", "happen", "happened", "happens", "work", "works", "mean", "means", "find", "show", "exactly",
    "time", "year", "day", "people", "person", "someone", "something", "anyone", "anything", "possible", "able", "become",
    "became", "cause", "caused", "main", "term", "word", "number", "amount", "best", "good", "help", "question", "wondering",
];

const GERMAN: &[&str] = &[
    "aber", "als", "am", "an", "auch", "auf", "aus", "bei", "bin", "bis", "bist", "bitte", "da", "damit", "dann", "das",
    "dass", "dein", "deine", "dem", "den", "denn", "der", "des", "dessen", "die", "dies", "diese", "diesem", "diesen",
    "dieser", "dieses", "dir", "doch", "dort", "du", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "er",
    "es", "euch", "euer", "eure", "für", "gab", "gibt", "haben", "habe", "hallo", "hat", "hatte", "hatten", "hier", "ich",
    "ihm", "ihn", "ihnen", "ihr", "ihre", "ihrem", "ihren", "ihrer", "im", "in", "ins", "ist", "ja", "jede", "jeder",
    "kann", "kannst", "können", "könnte", "man", "mein", "meine", "meinem", "meinen", "meiner", "mich", "mir", "mit",
    "muss", "müssen", "nach", "nicht", "noch", "nun", "nur", "ob", "oder", "sehr", "sein", "seine", "seinem", "seinen",
    "seiner", "sich", "sie", "sind", "so", "soll", "sollte", "über", "um", "und", "uns", "unser", "unsere", "unter",
    "vom", "von", "vor", "wann", "war", "waren", "warum", "was", "weil", "welche", "welchem", "welchen", "welcher",
    "welches", "wem", "wen", "wenn", "wer", "werde", "werden", "wessen", "wie", "wieso", "wir", "wird", "wo", "woher",
    "wohin", "wurde", "wurden", "zu", "zum", "zur", "zwischen", "danke", "darf",
];

const LIGHT_GERMAN: &[&str] = &[
    "lange", "viel", "viele", "vielen", "oft", "weit", "heißt", "genannt", "nennt", "bezeichnet", "art", "jahr", "name",
    "erste", "ersten", "macht", "machen", "gehört", "geschah", "passiert", "dauert", "gemacht", "bekannt",
];

const FRENCH: &[&str] = &[
    "à", "ai", "as", "au", "aux", "avec", "avez", "avons", "bonjour", "ce", "ces", "cet", "cette", "combien", "comment",
    "d", "dans", "de", "des", "du", "elle", "elles", "en", "es", "est", "et", "eu", "il", "ils", "j", "je", "l", "la",
    "le", "les", "leur", "leurs", "lui", "m", "ma", "mais", "me", "merci", "mes", "moi", "mon", "n", "ne", "nos", "notre",
    "nous", "on", "ont", "ou", "où", "par", "pas", "pour", "pourquoi", "qu", "quand", "que", "quel", "quelle", "quelles",
    "quels", "qui", "quoi", "s", "sa", "se", "ses", "si", "son", "sont", "sur", "t", "ta", "te", "tes", "toi", "ton", "tu",
    "un", "une", "vos", "votre", "vous", "y", "a", "été", "être", "était", "fait", "peut", "puis", "peux",
];

const SPANISH: &[&str] = &[
    "a", "al", "ante", "como", "cómo", "con", "cual", "cuál", "cuales", "cuáles", "cuando", "cuándo", "cuanto", "cuánto",
    "cuantos", "cuántos", "cuanta", "cuánta", "cuantas", "cuántas", "de", "del", "desde", "donde", "dónde", "el", "él",
    "ella", "ellos", "en", "entre", "era", "es", "esa", "ese", "eso", "esta", "está", "este", "esto", "están", "fue",
    "fueron", "gracias", "ha", "han", "hay", "hola", "la", "las", "le", "les", "lo", "los", "me", "mi", "mis", "muy", "no",
    "nos", "o", "para", "pero", "por", "porque", "puede", "puedo", "que", "qué", "quien", "quién", "quienes", "se", "ser",
    "si", "sí", "sin", "sobre", "son", "su", "sus", "te", "tiene", "tienen", "tu", "tus", "un", "una", "unos", "usted",
    "ustedes", "y", "ya", "yo",
];

const ITALIAN: &[&str] = &[
    "a", "ad", "ai", "al", "alla", "alle", "anche", "c", "che", "chi", "ci", "ciao", "come", "con", "cosa", "cui", "d",
    "da", "dal", "dalla", "de", "dei", "del", "della", "delle", "di", "dove", "e", "è", "ed", "era", "fu", "gli", "grazie",
    "ha", "hanno", "ho", "i", "il", "in", "io", "l", "la", "le", "lei", "lo", "loro", "lui", "ma", "mi", "mio", "mia",
    "nei", "nel", "nella", "noi", "non", "o", "per", "perché", "più", "posso", "può", "qual", "quale", "quali", "quando",
    "quanto", "quanta", "quanti", "quante", "quello", "questa", "questo", "se", "si", "sono", "stato", "su", "sul",
    "sulla", "suo", "sua", "ti", "tu", "tuo", "un", "una", "uno", "vi", "voi",
];

const PORTUGUESE: &[&str] = &[
    "a", "ao", "aos", "as", "às", "com", "como", "da", "das", "de", "do", "dos", "e", "é", "ela", "ele", "eles", "em",
    "era", "essa", "esse", "esta", "está", "este", "eu", "foi", "foram", "há", "isso", "já", "lhe", "mais", "mas", "me",
    "meu", "minha", "muito", "na", "nas", "não", "no", "nos", "o", "obrigado", "olá", "onde", "os", "ou", "para", "pela",
    "pelo", "pode", "por", "porque", "posso", "qual", "quais", "quando", "quanto", "quanta", "quantos", "quantas", "que",
    "quê", "quem", "se", "sem", "ser", "seu", "sua", "são", "só", "tem", "têm", "te", "tu", "um", "uma", "você", "vocês",
];

const DUTCH: &[&str] = &[
    "aan", "al", "als", "bij", "bent", "ben", "dan", "dat", "de", "den", "der", "deze", "die", "dit", "door", "een", "en",
    "er", "geen", "had", "heb", "hebben", "heeft", "het", "hem", "hier", "hij", "hoe", "hoeveel", "hun", "ik", "in", "is",
    "ja", "jij", "je", "jullie", "kan", "kunnen", "maar", "me", "met", "mij", "mijn", "moet", "na", "naar", "niet", "nog",
    "of", "om", "onder", "ons", "onze", "ook", "op", "over", "te", "tot", "u", "uit", "uw", "van", "veel", "voor", "waar",
    "waarom", "wanneer", "waren", "was", "wat", "we", "welk", "welke", "werd", "werden", "wie", "wij", "word", "worden",
    "wordt", "zal", "ze", "zich", "zij", "zijn", "zo", "zou", "hallo", "bedankt",
];

const RUSSIAN: &[&str] = &[
    "а", "без", "бы", "был", "была", "были", "было", "быть", "в", "вам", "вас", "ваш", "во", "вот", "все", "всё", "вы",
    "где", "да", "для", "до", "его", "ее", "её", "если", "есть", "еще", "ещё", "же", "за", "здравствуйте", "и", "из",
    "или", "им", "их", "к", "как", "какая", "какие", "какими", "каким", "какого", "какое", "какой", "каком", "какую",
    "какова", "каковы", "когда", "кого", "кем", "ком", "кому", "которая", "которые", "который", "которых", "кто", "куда",
    "ли", "мне", "мной", "может", "могу", "можно", "мой", "моя", "мы", "на", "над", "нам", "нас", "наш", "не", "него",
    "нет", "ни", "но", "ну", "о", "об", "он", "она", "они", "оно", "от", "откуда", "по", "под", "пожалуйста", "почему",
    "при", "привет", "с", "свой", "себя", "сколько", "со", "спасибо", "так", "также", "там", "тем", "то", "того", "тоже",
    "только", "том", "ты", "тут", "у", "уже", "чего", "чей", "чем", "чём", "что", "чтобы", "это", "этого", "этой", "этом",
    "этот", "эта", "эти", "я", "является", "являлся", "являются",
];

/// Longer ones first: they are cut out in this order.
const CHINESE: &[&str] = &[
    "什么时候", "为什么", "是什么", "哪一年", "哪一个", "多长时间", "怎么样", "有哪些", "有多少", "什么", "怎么", "怎样", "如何", "哪里",
    "哪儿", "哪个", "哪些", "哪位", "哪种", "哪年", "多少", "多久", "几个", "几年", "为何", "何时", "何种", "请问", "可以", "谁", "哪", "吗",
    "呢", "吧", "啊", "的", "了", "是", "在", "我", "你", "您", "们",
];

const JAPANESE: &[&str] = &[
    "でしょうか", "ですか", "ますか", "ましたか", "どのくらい", "どのような", "いくら", "いくつ", "なぜ", "どこ", "いつ", "どの", "どれ",
    "どう", "だれ", "何人", "何年", "誰", "何", "は", "が", "を", "に", "の", "で", "と", "も",
];
