//! What failed among thousands of lines, said again at their end.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::{Outcome, programs};

/// Runs a test command; shows its output as it comes, and afterwards the reports of what failed once more.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let started = command.stdout(Stdio::piped()).spawn();
    let mut child = started
        .map_err(|error| format!("`{}` could not start: {error}", programs::line(command)))?;
    let mut reports = Reports::default();
    if let Some(output) = child.stdout.take() {
        let mut screen = std::io::stdout().lock();
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            // A screen that went away does not end the tests.
            let _ = writeln!(screen, "{line}");
            reports.read(&line);
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    for line in reports.lines() {
        eprintln!("{line}");
    }
    Err(format!("`{}` failed ({status})", programs::line(command)))
}

/// The parts of the test harness's output that stand between `failures:` and the result.
#[derive(Default)]
struct Reports {
    lines: Vec<String>,
    inside: bool,
}

impl Reports {
    fn read(&mut self, line: &str) {
        if line == "failures:" {
            self.inside = true;
        }
        if self.inside {
            self.lines.push(line.to_owned());
        }
        if line.starts_with("test result:") {
            self.inside = false;
        }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_failed_is_said_again() {
        let mut reports = Reports::default();
        let output = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\n\
                      it broke\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed\n\nrunning 1 test\n\
                      test c ... ok\n\ntest result: ok. 1 passed";
        output.lines().for_each(|line| reports.read(line));
        let said: Vec<_> = reports.lines().collect();
        assert_eq!(said.first(), Some(&"failures:"));
        assert!(said.contains(&"it broke"));
        assert_eq!(said.last(), Some(&"test result: FAILED. 1 passed"));
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let outcome = run(Command::new("sh").args(["-c", "exit 3"]));
        assert_eq!(
            outcome,
            Err("`sh -c exit 3` failed (exit status: 3)".into())
        );
    }
}
