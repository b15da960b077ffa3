//! The little of XML that Office files need. Entities that a file defines itself are nothing here: they are how a small file
//! becomes a huge one.

use crate::{error::ExtractError, plain};
use quick_xml::{Reader, XmlVersion, events::BytesStart, events::Event};

/// What a file is made of, one after another. Prefixes of names are left out: Office writes the usual ones.
pub(crate) enum Part<'a> {
    /// An element begins.
    Open(&'a str, Attributes<'a>),
    /// An element ends.
    Close(&'a str),
    /// Text.
    Text(&'a str),
}

/// Of one element.
pub(crate) struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// By its name with its prefix, `w:val`.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let found = self.0.try_get_attribute(name).ok()??;
        found
            .normalized_value(XmlVersion::Implicit1_0)
            .ok()
            .map(std::borrow::Cow::into_owned)
    }
}

/// Goes through a file.
pub(crate) fn each(file: &[u8], mut seen: impl FnMut(Part<'_>)) -> Result<(), ExtractError> {
    let text = plain::decode(file);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| ExtractError::Damaged(format!("a part of it is no XML ({error})")))?;
        match event {
            Event::Eof => return Ok(()),
            Event::Start(start) => seen(Part::Open(start.local_name().as_ref(), Attributes(&start))),
            Event::End(end) => seen(Part::Close(end.local_name().as_ref())),
            Event::Text(text) => seen(Part::Text(&text.xml10_content())),
            Event::CData(text) => seen(Part::Text(&text.xml10_content())),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                let named = match name {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                if let Some(c) = named {
                    seen(Part::Text(c.encode_utf8(&mut [0; 4])));
                }
            }
            _ => {}
        }
    }
}

/// What a document says its title is: `docProps/core.xml`.
pub(crate) fn title(core: &[u8]) -> Option<String> {
    let mut title = String::new();
    let mut within = false;
    each(core, |part| match part {
        Part::Open("title", _) => within = true,
        Part::Close("title") => within = false,
        Part::Text(text) if within => title.push_str(text),
        _ => {}
    })
    .ok()?;
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_of_a_file_s_own_do_not_grow() {
        let bomb = br#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;&lt;&#228;&amp;</x>"#;
        let mut text = String::new();

        each(bomb, |part| {
            if let Part::Text(more) = part {
                text.push_str(more);
            }
        })
        .unwrap();

        assert_eq!(text, "<ä&");
    }
}
