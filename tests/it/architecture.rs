//! What may know what. Every arrow between crates points to a lower layer, and some libraries live in one crate only.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::{collections::BTreeSet, fs, path::Path};

/// Lower layers know nothing of higher ones, and crates of one layer nothing of each other.
const LAYERS: &[(&str, &[&str])] = &[
    ("words", &["domain"]),
    ("contracts", &["channel", "wire"]),
    ("what platforms share", &["dialect", "egress", "platform-api"]),
    ("what some platforms share", &["meta-graph"]),
    (
        "adapters",
        &[
            "channel-sender-*",
            "channel-testkit",
            "dashboard",
            "embedded-postgres",
            "extract",
            "embedder",
            "process",
            "store",
            "stripe",
            "widget",
        ],
    ),
    (
        "adapters on those",
        &["knowledge", "models", "queue", "tools", "vault"],
    ),
    ("accounts", &["accounts", "uploads"]),
    ("inlet", &["inlet"]),
    ("assembly", &["channel-listener", "channel-sender", "platforms"]),
    (
        "services",
        &[
            "admin-api",
            "chat-worker",
            "gateway",
            "indexer",
            "scheduler",
            "simulator",
        ],
    ),
    ("binary", &["botsmith"]),
    ("whole-product tests", &["whole-product"]),
    ("measures on those", &["eval"]),
];

/// Libraries that only these may name, so that what they stand for can be changed in one place.
const CONFINED: &[(&str, &[&str])] = &[
    // The bench measures the bare broker too, and owes nothing to our own queue there.
    ("lapin", &["queue", "whole-product"]),
    ("sqlx", &["store"]),
    ("tantivy", &["knowledge"]),
    ("zstd", &["knowledge"]),
    ("candle_core", &["embedder"]),
    ("prost", &["wire"]),
    ("argon2", &["admin-api"]),
    ("aes_gcm", &["vault"]),
];

fn metadata() -> Metadata {
    let manifest = whole_product::binary::workspace().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .unwrap()
}

fn layer(name: &str) -> Option<usize> {
    let exactly = |pattern: &&str| *pattern == name;
    let by_prefix = |pattern: &&str| {
        pattern
            .strip_suffix('*')
            .is_some_and(|prefix| name.starts_with(prefix))
    };
    LAYERS
        .iter()
        .position(|(_, patterns)| patterns.iter().any(exactly))
        .or_else(|| {
            LAYERS
                .iter()
                .position(|(_, patterns)| patterns.iter().any(by_prefix))
        })
}

/// What a package's code uses, tests aside: those may build on anything.
fn used(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|used| used.kind != DependencyKind::Development)
        .map(|used| used.name.as_str())
}

#[test]
fn every_crate_has_a_layer() {
    let homeless: Vec<_> = metadata()
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .filter(|name| layer(name).is_none())
        .collect();

    assert!(homeless.is_empty(), "in no layer: {homeless:?}");
}

#[test]
fn every_arrow_points_down() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        for used in used(package).filter(|used| ours.contains(used)) {
            let (from, to) = (layer(&package.name), layer(used));
            if from <= to {
                wrong.push(format!("{} → {used}", package.name));
            }
        }
    }

    assert!(wrong.is_empty(), "arrows that do not point down: {wrong:?}");
}

#[test]
fn services_do_not_know_each_other() {
    let services = LAYERS.iter().find(|(layer, _)| *layer == "services").unwrap().1;
    for package in metadata()
        .packages
        .iter()
        .filter(|package| services.contains(&package.name.as_str()))
    {
        let known: Vec<_> = used(package).filter(|used| services.contains(used)).collect();

        assert!(known.is_empty(), "{} knows {known:?}", package.name);
    }
}

#[test]
fn only_the_list_of_platforms_names_a_platforms_crate() {
    for package in metadata()
        .packages
        .iter()
        .filter(|package| *package.name != "platforms")
    {
        let named: Vec<_> = used(package)
            .filter(|used| used.starts_with("channel-sender-"))
            .collect();

        assert!(named.is_empty(), "{} names {named:?}", package.name);
    }
}

/// Not even tests do: a made-up platform's crate is for theirs alone.
#[test]
fn a_platform_is_one_crate_and_one_line() {
    let metadata = metadata();
    let is_platforms = |name: &str| name.starts_with("channel-sender-");
    let mut crates = BTreeSet::new();
    for package in &metadata.packages {
        if is_platforms(&package.name) {
            crates.insert(package.name.to_string());
        }
        let named = package
            .dependencies
            .iter()
            .filter(|used| is_platforms(&used.name));
        let named: Vec<_> = named.map(|used| used.name.as_str()).collect();
        match package.name.as_str() {
            "platforms" => {}
            "whole-product" => assert_eq!(named, ["channel-sender-pager"]),
            name => assert!(named.is_empty(), "{name} names {named:?}"),
        }
    }
    crates.remove("channel-sender-pager");

    let list = whole_product::binary::workspace().join("crates/platforms/src/lib.rs");
    let list = fs::read_to_string(list).unwrap();
    let lines = list.lines().filter(|line| line.contains("ChannelHandle::new("));
    assert_eq!(lines.count(), crates.len(), "{crates:?}");
    // In code too: nobody else speaks of a platform's crate by its path.
    let mut wrong = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| *package.name != "platforms")
    {
        let folder = package.manifest_path.parent().unwrap().as_std_path();
        sources(&folder.join("src"), &mut |file, text| {
            if text
                .lines()
                .any(|line| line.contains("channel_sender_") && line.contains("::"))
            {
                wrong.push(file.to_owned());
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_platforms_crate_knows_neither_queue_nor_database_nor_web_server() {
    for package in metadata()
        .packages
        .iter()
        .filter(|package| package.name.starts_with("channel-sender-"))
    {
        for forbidden in ["queue", "store", "lapin", "sqlx", "actix-web", "vault"] {
            assert!(
                !used(package).any(|used| used == forbidden),
                "{} uses {forbidden}",
                package.name
            );
        }
    }
}

#[test]
fn confined_libraries_are_used_where_they_belong_and_nowhere_else() {
    for (library, homes) in CONFINED {
        for package in &metadata().packages {
            let uses = used(package).any(|used| used.replace('-', "_") == *library);

            assert!(
                !uses || homes.contains(&package.name.as_str()),
                "{} uses {library}",
                package.name
            );
        }
    }
}

/// A path in code says it too, where a dependency came in by another name or through a re-export.
#[test]
fn no_source_names_a_confined_library() {
    let mut wrong = Vec::new();
    for package in &metadata().packages {
        let folder = package.manifest_path.parent().unwrap().as_std_path();
        for (library, homes) in CONFINED {
            if homes.contains(&package.name.as_str()) {
                continue;
            }
            let path = format!("{library}::");
            sources(&folder.join("src"), &mut |file, text| {
                // Tests may: they need a database, and stand at the end of their file.
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                if file.file_name() != Some("tests.rs".as_ref())
                    && code.into_iter().any(|line| names(line, &path))
                {
                    wrong.push(format!("{} names {path}", file.display()));
                }
            });
        }
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a line has this path, and not merely one that ends like it.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn sources(folder: &Path, look: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            // A crate's larger tests.
            if entry.file_name() != "tests" {
                sources(&path, look);
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn a_name_is_found_where_it_is_a_path_and_not_inside_another() {
    assert!(names("use sqlx::query;", "sqlx::"));
    assert!(names("    sqlx::query!(\"…\")", "sqlx::"));
    assert!(!names("my_sqlx::query", "sqlx::"));
    assert!(!names("crate::config::load()", "config::"));
}
