//! Other people's programs: whether they are here, how to get them, and running them.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// The file that `name` runs, searched for along `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| {
            [
                folder.join(name),
                folder.join(format!("{name}.cmd")),
                folder.join(format!("{name}.exe")),
            ]
        })
        .find(|file| file.is_file())
}

/// `name` as a command, or one sentence that says how to install it.
pub(crate) fn command(name: &str, install: &str) -> Result<Command, String> {
    let file = find(name).ok_or_else(|| format!("`{name}` is not installed; {install}"))?;
    Ok(Command::new(file))
}

/// How npm is installed on the machine that our instructions speak of.
pub(crate) const INSTALL_NPM: &str =
    "install Node.js with npm, on Debian: apt-get install nodejs npm";

/// `npm ci` for the lock in `folder`: exact versions, checked hashes, no package's own scripts.
pub(crate) fn npm_ci(folder: &Path) -> Outcome {
    let mut npm = command("npm", INSTALL_NPM)?;
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    npm.current_dir(folder);
    run(&mut npm)
}

/// Cargo, as it called us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command with our own output, and says which one failed.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| format!("`{}` could not start: {error}", line(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` failed ({status})", line(command)))
}

/// The standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}` could not start: {error}", line(command)))?;
    if !output.status.success() {
        return Err(format!("`{}` failed ({})", line(command), output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` did not answer in UTF-8", line(command)))
}

/// A command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether nobody is watching: a missing program is then a failure, never a skipped step.
pub(crate) fn unattended() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// `text` in a colour, when a person looks at it.
pub(crate) fn paint(code: &str, text: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        return format!("\x1b[{code}m{text}\x1b[0m");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_how_to_install_it() {
        let error = command("no-such-program", "install it, please").unwrap_err();
        assert_eq!(
            error,
            "`no-such-program` is not installed; install it, please"
        );
    }

    #[test]
    fn a_command_reads_as_it_is_typed() {
        let mut command = Command::new("/usr/bin/npm");
        command.args(["ci", "--ignore-scripts"]);
        assert_eq!(line(&command), "npm ci --ignore-scripts");
    }
}
