//! Puts what `web/` was built into into the program: every file as it is, packed where that makes it smaller, and with a
//! tag to know it by.

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

const PAGE: &str = "index.html";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let dist = root.join("web/dist");
    // The folder is always there, so that this does not run at every build.
    println!("cargo::rerun-if-changed={}", dist.display());

    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    files.sort();
    let page = dist.join(PAGE);
    let page = files.contains(&page).then_some(page);
    let mut code = format!(
        "pub(crate) const PAGE: Option<&str> = {};\n",
        included(page.as_deref(), "include_str")
    );
    code.push_str("pub(crate) static FILES: &[File] = &[\n");
    for (number, file) in files
        .iter()
        .enumerate()
        .filter(|(_, file)| Some(*file) != page.as_ref())
    {
        let content = fs::read(file)?;
        let packed = out.join(format!("{number}.gz"));
        let smaller = pack(&content, &packed)?.then_some(packed.as_path());
        let name = file
            .strip_prefix(&dist)
            .unwrap_or(file)
            .to_string_lossy()
            .replace('\\', "/");
        let tag: String = Sha256::digest(&content)
            .iter()
            .take(8)
            .fold(String::new(), |mut tag, byte| {
                let _ = write!(tag, "{byte:02x}");
                tag
            });
        let _ = writeln!(
            code,
            "File {{ path: {:?}, tag: \"\\\"{tag}\\\"\", content: include_bytes!({:?}), packed: {} }},",
            format!("/{name}"),
            file.display().to_string(),
            included(smaller, "include_bytes"),
        );
    }
    code.push_str("];\n");
    fs::write(out.join("files.rs"), code)
}

/// All files below a folder, but those whose names begin with a dot.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Whether it is worth it.
fn pack(content: &[u8], to: &Path) -> io::Result<bool> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(content)?;
    let packed = packer.finish()?;
    fs::write(to, &packed)?;
    Ok(packed.len() + 100 < content.len())
}

fn included(file: Option<&Path>, how: &str) -> String {
    file.map_or_else(
        || "None".to_owned(),
        |file| format!("Some({how}!({:?}))", file.display().to_string()),
    )
}
