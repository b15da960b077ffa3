//! PowerPoint, PresentationML: ECMA-376 part 1, section 19. Speaker's notes are not for the audience, and not read.

use super::{
    package::Package,
    xml::{self, Part},
};
use crate::{document::Document, error::ExtractError, limits::Limits, table};
use std::collections::HashMap;

/// Reads the slides in their order, without those that are hidden.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes, limits.unpacked)?;
    let slides = order(
        &package.file("ppt/presentation.xml")?,
        &package.file("ppt/_rels/presentation.xml.rels")?,
    )?;
    if slides.len() > limits.pages {
        return Err(ExtractError::TooManyPages { limit: limits.pages });
    }
    let mut texts = Vec::new();
    let mut pictures = 0;
    for slide in slides {
        match slide_text(&package.file(&slide)?)? {
            Some(text) if text.is_empty() => pictures += 1,
            Some(text) => texts.push(text),
            None => {}
        }
    }
    let core = package.optional("docProps/core.xml")?;
    Ok(Document {
        title: core.as_deref().and_then(xml::title),
        text: texts.join("\n\n"),
        unreadable_pages: pictures,
        ..Document::default()
    })
}

/// The slides' files as the presentation shows them.
fn order(presentation: &[u8], relations: &[u8]) -> Result<Vec<String>, ExtractError> {
    let mut targets = HashMap::new();
    xml::each(relations, |part| {
        if let Part::Open("Relationship", attributes) = part
            && let (Some(id), Some(target)) = (attributes.get("Id"), attributes.get("Target"))
        {
            targets.insert(id, target);
        }
    })?;
    let mut slides = Vec::new();
    xml::each(presentation, |part| {
        if let Part::Open("sldId", attributes) = part
            && let Some(target) = attributes.get("r:id").and_then(|id| targets.get(&id))
        {
            slides.push(match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("ppt/{target}"),
            });
        }
    })?;
    Ok(slides)
}

/// `None`: it is hidden.
fn slide_text(xml: &[u8]) -> Result<Option<String>, ExtractError> {
    let mut slide = Slide::default();
    xml::each(xml, |part| slide.take(part))?;
    Ok((!slide.hidden).then(|| {
        let title = slide.title.join(" ");
        let heading = (!title.is_empty()).then(|| format!("# {title}"));
        heading
            .into_iter()
            .chain(slide.blocks)
            .collect::<Vec<_>>()
            .join("\n\n")
    }))
}

#[derive(Default)]
struct Slide {
    hidden: bool,
    title: Vec<String>,
    blocks: Vec<String>,
    in_title: bool,
    in_text: bool,
    paragraph: String,
    rows: Option<Vec<Vec<String>>>,
}

impl Slide {
    fn take(&mut self, part: Part<'_>) {
        match part {
            Part::Open("sld", attributes) => {
                self.hidden = attributes
                    .get("show")
                    .is_some_and(|show| matches!(show.as_str(), "0" | "false"));
            }
            Part::Open("sp", _) => self.in_title = false,
            Part::Open("ph", attributes) => {
                self.in_title = attributes
                    .get("type")
                    .is_some_and(|kind| matches!(kind.as_str(), "title" | "ctrTitle"));
            }
            Part::Open("t", _) => self.in_text = true,
            Part::Close("t") => self.in_text = false,
            Part::Open("br", _) => self.paragraph.push('\n'),
            Part::Text(text) if self.in_text => self.paragraph.push_str(text),
            Part::Open("tbl", _) => self.rows = Some(Vec::new()),
            Part::Open("tr", _) => self.rows.iter_mut().for_each(|rows| rows.push(Vec::new())),
            Part::Open("tc", _) => {
                if let Some(row) = self.rows.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(String::new());
                }
            }
            Part::Close("p") => self.end_paragraph(),
            Part::Close("tbl") => {
                let text = table::text(&self.rows.take().unwrap_or_default());
                self.blocks.extend((!text.is_empty()).then_some(text));
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let text = paragraph.trim();
        if text.is_empty() {
            return;
        }
        if let Some(cell) = self
            .rows
            .as_mut()
            .and_then(|rows| rows.last_mut())
            .and_then(|row| row.last_mut())
        {
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(text);
        } else if self.in_title {
            self.title.push(text.replace('\n', " "));
        } else {
            self.blocks.push(text.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_are_read_in_the_order_in_which_they_are_shown() {
        let relations = br#"<Relationships><Relationship Id="rId1" Target="slides/slide1.xml"/>
            <Relationship Id="rId2" Target="/ppt/slides/slide2.xml"/><Relationship Id="rId3" Target="theme.xml"/></Relationships>"#;
        let presentation = br#"<p:presentation><p:sldIdLst><p:sldId r:id="rId2"/><p:sldId r:id="rId1"/></p:sldIdLst></p:presentation>"#;

        assert_eq!(
            order(presentation, relations).unwrap(),
            ["ppt/slides/slide2.xml", "ppt/slides/slide1.xml"]
        );
    }

    #[test]
    fn a_slide_is_its_title_its_texts_and_its_tables() {
        let slide = br#"<p:sld><p:sp><p:txBody><a:p><a:r><a:t>First</a:t></a:r><a:r><a:t> point</a:t></a:r></a:p></p:txBody></p:sp>
            <p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Prices</a:t></a:r></a:p></p:txBody></p:sp>
            <a:tbl><a:tr><a:tc><a:p><a:t>Tea</a:t></a:p></a:tc><a:tc><a:p><a:t>Cost</a:t></a:p></a:tc></a:tr>
            <a:tr><a:tc><a:p><a:t>Mint</a:t></a:p></a:tc><a:tc><a:p><a:t>3</a:t></a:p></a:tc></a:tr></a:tbl></p:sld>"#;

        assert_eq!(
            slide_text(slide).unwrap().unwrap(),
            "# Prices\n\nFirst point\n\nTea: Mint; Cost: 3"
        );
    }

    #[test]
    fn s13_a_hidden_slide_is_not_read() {
        assert_eq!(
            slide_text(br#"<p:sld show="0"><a:p><a:t>Secret</a:t></a:p></p:sld>"#).unwrap(),
            None
        );
    }
}
