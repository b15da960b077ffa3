//! Real files, written by other programs, read in a process of its own; and files that are made to harm.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use extract::{Document, ExtractError, Extraction, Extractor, Limits};
use std::io::{Cursor, Write};

fn extractor(limits: Limits) -> Extractor {
    Extractor::new(env!("CARGO_BIN_EXE_extract-document").into(), [""; 0], limits)
}

async fn read(name: &str, bytes: &[u8]) -> Result<Extraction, ExtractError> {
    extractor(Limits::default()).read(name, bytes).await
}

async fn document(name: &str) -> Document {
    let mut found = read(name, &file(name)).await.unwrap();
    assert_eq!((found.documents.len(), found.refused.len()), (1, 0));
    found.documents.remove(0)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/files/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_word_document_is_read_without_what_is_hidden_in_it() {
    let found = document("handbook.docx").await;

    assert_eq!(found.title.as_deref(), Some("Staff handbook"));
    assert_eq!(
        found.text,
        "# Working hours\n\nThe office is open from eight to six. Core time is from ten to three.\n\n## Overtime\n\n\
         Overtime is paid with a quarter more, from the first hour.\n\nTell your manager\n\nWrite it down\n\n\
         Grade: Junior; Days of leave: 25\n\nGrade: Senior; Days of leave: 30"
    );
}

#[tokio::test]
async fn a_presentation_is_read_without_its_hidden_slides_and_notes() {
    let found = document("kettle.pptx").await;

    assert_eq!(found.title.as_deref(), Some("Kettle K2"));
    assert_eq!(
        found.text,
        "# Kettle K2\n\nBoils a litre in three minutes.\n\nSwitches itself off.\n\n# Colours\n\n\
         Colour: Red; Price: 39 €\n\nColour: Green; Price: 42 €"
    );
}

#[tokio::test]
async fn a_spreadsheet_is_read_without_its_hidden_sheets() {
    let found = document("prices.xlsx").await;

    assert_eq!(
        found.text,
        "# Prices\n\nArticle: Mint tea; Price: 3.5; Since: 2026-03-01\n\nArticle: Green tea; Price: 4; Since: 2026-04-02 09:30\n\n\
         # Shops\n\nTown: Bonn; Street: Markt 1"
    );
}

#[tokio::test]
async fn a_pdf_is_read_without_its_running_feet() {
    let found = document("manual.pdf").await;

    assert_eq!(found.title.as_deref(), Some("Kettle manual"));
    assert!(
        found
            .text
            .starts_with("Descaling\n\nDescale the kettle every month."),
        "{}",
        found.text
    );
    assert!(
        found.text.contains("Fill it with one part vinegar and two"),
        "{}",
        found.text
    );
    assert!(found.text.contains("Grüße aus Köln."), "{}", found.text);
    assert!(!found.text.contains("page"), "{}", found.text);
}

#[tokio::test]
async fn a_pdf_that_only_forbids_printing_is_read_and_a_locked_one_says_what_to_do() {
    assert!(document("no-printing.pdf").await.text.contains("five years"));
    assert_eq!(
        read("locked.pdf", &file("locked.pdf")).await,
        Err(ExtractError::Encrypted)
    );
}

#[tokio::test]
async fn a_scanned_pdf_says_that_its_pages_are_pictures() {
    assert_eq!(
        read("scan.pdf", &file("scan.pdf")).await,
        Err(ExtractError::Scanned { pages: 2 })
    );
}

#[tokio::test]
async fn an_archive_is_each_of_its_files_and_one_that_cannot_be_read_costs_only_itself() {
    let archive = zip(&[
        ("docs/b.md", b"# B\nText."),
        ("docs/manual.pdf", &file("manual.pdf")),
        ("a.html", b"<!doctype html><title>A</title><p>Page"),
        ("logo.png", b"\x89PNG\0"),
        ("inner.zip", &zip(&[("x.txt", b"x")])),
        ("__MACOSX/._a", b"litter"),
        ("../../etc/passwd", b"root"),
    ]);

    let found = read("all.zip", &archive).await.unwrap();

    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(found.documents.iter().map(|d| &d.name).collect()),
        ["a.html", "docs/b.md", "docs/manual.pdf"]
    );
    assert_eq!(
        names(found.refused.iter().map(|r| &r.name).collect()),
        ["inner.zip", "logo.png"]
    );
}

/// 100 MB of blanks pack to 100 kB; in a document that is a zip itself likewise.
#[tokio::test]
async fn s9_a_file_that_grows_when_it_is_unpacked_is_refused() {
    let zeros = vec![b' '; 100 << 20];
    let bomb = zip(&[("bomb.txt", &zeros)]);
    let word = zip(&[("word/document.xml", &zeros)]);
    let sheet = zip(&[("xl/workbook.xml", &zeros)]);

    for (name, bomb) in [("a.zip", bomb), ("a.docx", word), ("a.xlsx", sheet)] {
        let refused = read(name, &bomb).await;
        assert_eq!(refused, Err(ExtractError::TooLarge { limit: 64 << 20 }), "{name}");
    }
}

#[tokio::test]
async fn s9_what_takes_too_much_memory_or_time_costs_only_the_process_that_reads() {
    let little = Limits {
        memory: 24 << 20,
        ..Limits::default()
    };
    let large = vec![b'a'; 40 << 20];
    assert_eq!(
        extractor(little).read("a.txt", &large).await,
        Err(ExtractError::Fell { memory: 24 << 20 })
    );

    let hasty = Limits {
        seconds: 1,
        memory: 2 << 30,
        ..Limits::default()
    };
    let slow = format!(
        "<style>{}</style>{}",
        "a b c d e f g h,".repeat(20_000) + "x{display:none}",
        "<a><b><c><d>".repeat(5_000)
    );
    assert_eq!(
        extractor(hasty).read("a.html", slow.as_bytes()).await,
        Err(ExtractError::TooSlow { seconds: 1 })
    );
}

#[tokio::test]
async fn s9_broken_files_are_refused_with_a_reason() {
    for name in ["handbook.docx", "kettle.pptx", "prices.xlsx", "manual.pdf"] {
        let whole = file(name);
        for cut in [whole.len() / 3, whole.len() / 2, whole.len() - 30] {
            let outcome = read(name, &whole[..cut]).await;
            // A PDF's pages may still be found without its index.
            assert!(
                matches!(
                    outcome,
                    Err(ExtractError::Damaged(_) | ExtractError::NoText | ExtractError::Scanned { .. })
                ) || name.ends_with("pdf"),
                "{name} {cut}: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_program_that_is_no_reader_is_ours_to_mend() {
    let nobody = Extractor::new("/nonexistent".into(), [""; 0], Limits::default());

    let failed = nobody.read("a.txt", b"a").await.unwrap_err();

    assert!(failed.is_transient(), "{failed}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Bytes turned at random in real files: whatever is made of them, reading comes to an end and nothing panics.
    #[test]
    fn s9_damage_of_any_kind_is_survived(which in 0_usize..3, turned in proptest::collection::vec((proptest::num::u32::ANY, proptest::num::u8::ANY), 1..20)) {
        let name = ["handbook.docx", "kettle.pptx", "prices.xlsx"][which];
        let mut bytes = file(name);
        for (place, value) in turned {
            let place = place as usize % bytes.len();
            bytes[place] = value;
        }
        let _ = extract::read(name, &bytes, &Limits::default());
    }
}
