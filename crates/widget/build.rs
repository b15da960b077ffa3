//! Puts the widget's scripts together into the one that pages load.

use std::{env, fs, path::Path};

/// In the order in which one needs the other.
const SCRIPTS: &[&str] = &[
    "texts", "time", "dom", "colour", "markdown", "memory", "api", "session", "outbox", "follow", "rating",
    "message", "writer", "form", "view", "main",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=js");
    let style = fs::read_to_string("js/style.css")?;
    let mut script = String::from("(() => {\n\"use strict\";\n");
    script.push_str(&format!(
        "const STYLE = `{}`;\n",
        style.replace(['`', '\\'], "").replace("${", "")
    ));
    for name in SCRIPTS {
        script.push_str(&without_comments(&fs::read_to_string(format!("js/{name}.js"))?));
    }
    script.push_str("})();\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("widget.js"), script)?;
    Ok(())
}

/// Without the lines that are comments and nothing else, and without indentation: half of what a page would load.
fn without_comments(script: &str) -> String {
    script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("/**"))
        .map(|line| format!("{line}\n"))
        .collect()
}
