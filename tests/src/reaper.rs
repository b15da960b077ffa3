//! Nothing that was started outlives us, even when we are killed.
//!
//! A shell holds the list of process groups, private PostgreSQL servers, databases and folders in use, told through its
//! standard input. When that closes, because this process ended in whichever way, it kills and removes them all.

use anyhow::Context;
use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// `+ <group>` and `- <group>` add and remove a group; `p <directory>` is a directory whose `postmaster.pid` names a
/// process, `d <psql> <server> <database>` a database, `r <folder>` a folder.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=" "
while read -r word value; do
    case $word in
        +) groups="$groups$value " ;;
        -) groups="${groups%% $value *} ${groups#* $value }" ;;
        *) rest="$rest
$word $value" ;;
    esac
done
for group in $groups; do kill -9 "-$group" 2>/dev/null; done
echo "$rest" | while read -r word value; do
    case $word in
        p) [ -f "$value/postmaster.pid" ] && kill -9 "$(head -n 1 "$value/postmaster.pid")" ;;
        d) set -- $value
           "$1" --no-psqlrc --quiet --command "drop database if exists $3 with (force)" "$2" ;;
        r) rm -rf -- "$value" ;;
    esac
done 2>/dev/null
"#;

static SHELL: Mutex<Option<Child>> = Mutex::new(None);

fn tell(line: &str) -> anyhow::Result<()> {
    let mut shell = SHELL.lock().unwrap_or_else(PoisonError::into_inner);
    if shell.is_none() {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        *shell = Some(command.process_group(0).spawn().context("the reaper's shell")?);
    }
    let input = shell
        .as_mut()
        .and_then(|shell| shell.stdin.as_mut())
        .context("the reaper's shell has no input")?;
    writeln!(input, "{line}").context("the reaper's shell is gone")
}

/// This process group is to die with us.
pub(crate) fn watch(group: u32) -> anyhow::Result<()> {
    tell(&format!("+ {group}"))
}

/// This one has ended.
pub(crate) fn forget(group: u32) {
    // Without a shell there is nothing to be forgotten.
    drop(tell(&format!("- {group}")));
}

/// The PostgreSQL that has its data here is to die with us.
pub fn watch_postgres(data: &Path) -> anyhow::Result<()> {
    tell(&format!("p {}", data.display()))
}

/// This database is to go with us; without harm if it has gone before.
pub(crate) fn watch_database(psql: &Path, server: &str, name: &str) -> anyhow::Result<()> {
    tell(&format!("d {} {server} {name}", psql.display()))
}

/// This folder is to go with us.
pub(crate) fn watch_folder(folder: &Path) -> anyhow::Result<()> {
    tell(&format!("r {}", folder.display()))
}
