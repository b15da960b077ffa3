//! In which language a chatbot's knowledge is written: decides stemming and stop words.

use tantivy::tokenizer::Language as Stemming;
use whatlang::{Detector, Lang};

/// A language as far as searching treats it in a way of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Language(Lang);

/// Only these are told apart: a short English text is not to be taken for one of sixty others.
const KNOWN: &[Lang] = &[
    Lang::Ara,
    Lang::Ces,
    Lang::Cmn,
    Lang::Dan,
    Lang::Deu,
    Lang::Ell,
    Lang::Eng,
    Lang::Fin,
    Lang::Fra,
    Lang::Heb,
    Lang::Hin,
    Lang::Hun,
    Lang::Ind,
    Lang::Ita,
    Lang::Jpn,
    Lang::Khm,
    Lang::Kor,
    Lang::Mya,
    Lang::Nld,
    Lang::Nob,
    Lang::Pes,
    Lang::Pol,
    Lang::Por,
    Lang::Ron,
    Lang::Rus,
    Lang::Spa,
    Lang::Swe,
    Lang::Tam,
    Lang::Tha,
    Lang::Tur,
    Lang::Ukr,
    Lang::Vie,
];

/// More text than this makes no surer.
const SAMPLE: usize = 20_000;

impl Language {
    pub(crate) const ENGLISH: Self = Self(Lang::Eng);
    #[cfg(test)]
    pub(crate) const GERMAN: Self = Self(Lang::Deu);
    #[cfg(test)]
    pub(crate) const CHINESE: Self = Self(Lang::Cmn);

    /// The language of most of these texts; English when they are too short to tell.
    pub(crate) fn of<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let share = (SAMPLE / texts.len().max(1)).max(200);
        let mut sample = String::new();
        for text in texts {
            if sample.len() > SAMPLE {
                break;
            }
            sample.extend(text.chars().take(share));
            sample.push('\n');
        }
        match Detector::with_allowlist(KNOWN.to_vec()).detect(&sample) {
            Some(found) if found.is_reliable() || found.confidence() > 0.5 => Self(found.lang()),
            // Scripts of one language need no reliability; Latin letters do.
            Some(found) if found.script() != whatlang::Script::Latin => Self(found.lang()),
            _ => Self::ENGLISH,
        }
    }

    pub(crate) const fn lang(self) -> Lang {
        self.0
    }

    /// The Snowball stemmer for it, where there is one.
    pub(crate) const fn stemming(self) -> Option<Stemming> {
        Some(match self.0 {
            Lang::Ara => Stemming::Arabic,
            Lang::Dan => Stemming::Danish,
            Lang::Nld => Stemming::Dutch,
            Lang::Eng => Stemming::English,
            Lang::Fin => Stemming::Finnish,
            Lang::Fra => Stemming::French,
            Lang::Deu => Stemming::German,
            Lang::Ell => Stemming::Greek,
            Lang::Hun => Stemming::Hungarian,
            Lang::Ita => Stemming::Italian,
            Lang::Nob => Stemming::Norwegian,
            Lang::Por => Stemming::Portuguese,
            Lang::Ron => Stemming::Romanian,
            Lang::Rus => Stemming::Russian,
            Lang::Spa => Stemming::Spanish,
            Lang::Swe => Stemming::Swedish,
            Lang::Tam => Stemming::Tamil,
            Lang::Tur => Stemming::Turkish,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Lang {
        Language::of([text].into_iter()).lang()
    }

    #[test]
    fn languages_are_told_apart() {
        assert_eq!(
            of("We deliver within two working days, and returns are free for a month."),
            Lang::Eng
        );
        assert_eq!(
            of("Wir liefern innerhalb von zwei Werktagen, und Rücksendungen sind einen Monat lang frei."),
            Lang::Deu
        );
        assert_eq!(of("Мы доставляем заказы в течение двух рабочих дней."), Lang::Rus);
        assert_eq!(of("我们在两个工作日内发货，退货一个月内免费。"), Lang::Cmn);
        assert_eq!(of("注文は二営業日以内に発送します。"), Lang::Jpn);
    }

    #[test]
    fn what_is_too_short_to_tell_is_english() {
        assert_eq!(of(""), Lang::Eng);
        assert_eq!(of("Acme 42"), Lang::Eng);
    }
}
