//! Word, WordprocessingML: ECMA-376 part 1, section 17.

use super::{
    package::Package,
    xml::{self, Attributes, Part},
};
use crate::{document::Document, error::ExtractError, limits::Limits, table};
use std::collections::HashMap;

/// Reads the body, then its notes.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ExtractError> {
    let mut package = Package::open(bytes, limits.unpacked)?;
    let levels = match package.optional("word/styles.xml")? {
        Some(styles) => heading_levels(&styles)?,
        None => HashMap::new(),
    };
    let mut text = body(&package.file("word/document.xml")?, &levels)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(notes) = package.optional(notes)? {
            let notes = body(&notes, &levels)?;
            if !notes.is_empty() {
                text.push_str("\n\n");
                text.push_str(&notes);
            }
        }
    }
    let core = package.optional("docProps/core.xml")?;
    Ok(Document {
        title: core.as_deref().and_then(xml::title),
        text,
        ..Document::default()
    })
}

/// Style id to depth of heading, 1 for the outermost. A style is a heading by its name, which is English in every
/// language's Word, or by its outline level.
fn heading_levels(styles: &[u8]) -> Result<HashMap<String, usize>, ExtractError> {
    let mut levels = HashMap::new();
    let mut style = String::new();
    xml::each(styles, |part| {
        let Part::Open(name, attributes) = part else {
            return;
        };
        let value = || attributes.get("w:val").unwrap_or_default();
        let level = match name {
            "style" => {
                style = attributes.get("w:styleId").unwrap_or_default();
                None
            }
            "name" => match value().to_ascii_lowercase().as_str() {
                "title" => Some(1),
                name => name.strip_prefix("heading ").and_then(|level| level.parse().ok()),
            },
            "outlineLvl" => value()
                .parse::<usize>()
                .ok()
                .filter(|level| *level < 9)
                .map(|level| level + 1),
            _ => None,
        };
        if let Some(level) = level {
            levels.insert(style.clone(), level);
        }
    })?;
    Ok(levels)
}

fn body(xml: &[u8], levels: &HashMap<String, usize>) -> Result<String, ExtractError> {
    let mut reader = Body {
        levels,
        blocks: Vec::new(),
        paragraph: Paragraph::default(),
        tables: Vec::new(),
        run: Run::default(),
        skipping: 0,
    };
    xml::each(xml, |part| reader.take(part))?;
    Ok(reader.blocks.join("\n\n"))
}

#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<usize>,
    listed: bool,
}

#[derive(Default)]
struct Run {
    vanished: bool,
    in_text: bool,
}

struct Body<'a> {
    levels: &'a HashMap<String, usize>,
    blocks: Vec<String>,
    paragraph: Paragraph,
    /// Tables that are open, each with its rows.
    tables: Vec<Vec<Vec<String>>>,
    run: Run,
    /// How deep we are in what is not read: the older copy of a drawing.
    skipping: usize,
}

impl Body<'_> {
    fn take(&mut self, part: Part<'_>) {
        if self.skipping > 0 {
            match part {
                Part::Open(..) => self.skipping += 1,
                Part::Close(_) => self.skipping -= 1,
                Part::Text(_) => {}
            }
            return;
        }
        match part {
            Part::Open(name, attributes) => self.open(name, &attributes),
            Part::Close(name) => self.close(name),
            Part::Text(text) if self.run.in_text && !self.run.vanished => self.paragraph.text.push_str(text),
            Part::Text(_) => {}
        }
    }

    fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        let value = || attributes.get("w:val").unwrap_or_default();
        match name {
            // What a program that knows the newer form does not show; what was taken out of the text, or moved away.
            "Fallback" | "del" | "moveFrom" => self.skipping = 1,
            "pStyle" => self.paragraph.level = self.levels.get(&value()).copied(),
            "outlineLvl" => {
                self.paragraph.level = value()
                    .parse::<usize>()
                    .ok()
                    .filter(|level| *level < 9)
                    .map(|level| level + 1)
            }
            "numPr" => self.paragraph.listed = true,
            "r" => self.run = Run::default(),
            "vanish" | "specVanish" => self.run.vanished = is_on(&value()),
            // Half-points: text of one point is not there to be read.
            "sz" if value().parse::<u32>().is_ok_and(|size| size <= 2) => self.run.vanished = true,
            "t" => self.run.in_text = true,
            "tab" if !self.paragraph.text.is_empty() => self.paragraph.text.push(' '),
            "br" | "cr" => self.paragraph.text.push('\n'),
            "noBreakHyphen" => self.paragraph.text.push('-'),
            "tbl" => {
                self.end_paragraph();
                self.tables.push(Vec::new());
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    table.push(Vec::new());
                }
            }
            "tc" => {
                if let Some(row) = self.tables.last_mut().and_then(|table| table.last_mut()) {
                    row.push(String::new());
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.run.in_text = false,
            // What is said of the paragraph's end mark is not said of its words.
            "pPr" => self.run = Run::default(),
            "p" => self.end_paragraph(),
            "tbl" => {
                if let Some(rows) = self.tables.pop() {
                    self.add(&table::text(&rows));
                }
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let text = paragraph.text.trim();
        if text.is_empty() {
            return;
        }
        let block = match paragraph.level {
            Some(level) if self.tables.is_empty() => {
                format!("{} {}", "#".repeat(level.min(6)), text.replace('\n', " "))
            }
            _ if paragraph.listed => format!("- {text}"),
            _ => text.to_owned(),
        };
        self.add(&block);
    }

    /// To the cell that is open, or to the document.
    fn add(&mut self, block: &str) {
        if block.is_empty() {
            return;
        }
        match self
            .tables
            .last_mut()
            .and_then(|table| table.last_mut())
            .and_then(|row| row.last_mut())
        {
            Some(cell) if cell.is_empty() => cell.push_str(block),
            Some(cell) => {
                cell.push(' ');
                cell.push_str(block);
            }
            None => self.blocks.push(block.to_owned()),
        }
    }
}

/// A switch is on unless it says that it is off.
fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false" | "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> String {
        let levels = HashMap::from([("Kop1".to_owned(), 1), ("Kop2".to_owned(), 2)]);
        super::body(
            format!("<w:document><w:body>{body}</w:body></w:document>").as_bytes(),
            &levels,
        )
        .unwrap()
    }

    fn paragraph(text: &str) -> String {
        format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
    }

    #[test]
    fn headings_are_told_by_the_style_s_english_name_or_outline_level() {
        let styles = r#"<w:styles><w:style w:styleId="Kop1"><w:name w:val="heading 1"/></w:style>
            <w:style w:styleId="Mine"><w:name w:val="Mine"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
            <w:style w:styleId="Body"><w:name w:val="Normal"/></w:style></w:styles>"#;

        let levels = heading_levels(styles.as_bytes()).unwrap();

        assert_eq!(
            levels,
            HashMap::from([("Kop1".to_owned(), 1), ("Mine".to_owned(), 3)])
        );
    }

    #[test]
    fn paragraphs_headings_lists_and_tables_are_read() {
        let cell = |text: &str| format!("<w:tc>{}</w:tc>", paragraph(text));
        let row = |a: &str, b: &str| format!("<w:tr>{}{}</w:tr>", cell(a), cell(b));
        let body = format!(
            r#"<w:p><w:pPr><w:pStyle w:val="Kop1"/></w:pPr><w:r><w:t>Returns</w:t></w:r></w:p>
            <w:p><w:r><w:t xml:space="preserve">Within </w:t></w:r><w:r><w:t>30&#160;days &amp; free.</w:t><w:br/><w:t>Always.</w:t></w:r></w:p>
            <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Keep the box</w:t></w:r></w:p>
            <w:tbl>{}{}</w:tbl>{}"#,
            row("Country", "Cost"),
            row("Spain", "5"),
            paragraph("End.")
        );

        assert_eq!(
            text(&body),
            "# Returns\n\nWithin 30\u{A0}days & free.\nAlways.\n\n- Keep the box\n\nCountry: Spain; Cost: 5\n\nEnd."
        );
    }

    #[test]
    fn s13_what_is_deleted_vanished_or_a_copy_is_not_read() {
        let body = r#"<w:p><w:r><w:t>Seen</w:t></w:r><w:del><w:r><w:delText>1</w:delText><w:t>2</w:t></w:r></w:del>
            <w:r><w:rPr><w:vanish/></w:rPr><w:t>3</w:t></w:r><w:r><w:rPr><w:sz w:val="1"/></w:rPr><w:t>4</w:t></w:r>
            <w:r><w:rPr><w:vanish w:val="false"/></w:rPr><w:t>.</w:t></w:r>
            <mc:AlternateContent><mc:Choice/><mc:Fallback><w:t>5</w:t></mc:Fallback></mc:AlternateContent></w:p>"#;

        assert_eq!(text(body), "Seen.");
    }

    #[test]
    fn a_table_within_a_table_is_in_its_cell() {
        let inner = format!("<w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl>", paragraph("deep"));
        let body = format!(
            "<w:tbl><w:tr><w:tc>{}{inner}</w:tc></w:tr></w:tbl>",
            paragraph("outer")
        );

        assert_eq!(text(&body), "outer deep");
    }
}
