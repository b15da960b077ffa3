//! Where an installation without settings keeps its data.

use std::{
    env,
    path::{Path, PathBuf},
};

/// `/var/lib/botsmith` for root, else `botsmith` in the user's own place for data.
pub fn default_path() -> PathBuf {
    choose(rustix::process::geteuid().is_root(), |name| {
        env::var_os(name).map(PathBuf::from)
    })
}

fn choose(root: bool, place: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    if root {
        return PathBuf::from("/var/lib/botsmith");
    }
    // The specification says that a relative path there is to be ignored.
    let given = place("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let above = given.or_else(|| place("HOME").map(|home| home.join(".local/share")));
    above
        .unwrap_or_else(|| Path::new(".").to_owned())
        .join("botsmith")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keeps_its_data_with_the_systems_and_others_keep_theirs_at_home() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/ann"));
        let xdg = |name: &str| Some(PathBuf::from(if name == "HOME" { "/home/ann" } else { "/data" }));
        let relative = |name: &str| Some(PathBuf::from(if name == "HOME" { "/home/ann" } else { "data" }));

        assert_eq!(choose(true, xdg), Path::new("/var/lib/botsmith"));
        assert_eq!(choose(false, home), Path::new("/home/ann/.local/share/botsmith"));
        assert_eq!(choose(false, xdg), Path::new("/data/botsmith"));
        assert_eq!(
            choose(false, relative),
            Path::new("/home/ann/.local/share/botsmith")
        );
    }
}
