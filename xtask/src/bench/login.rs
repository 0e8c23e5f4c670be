//! `cargo xtask bench login`: what a storm of logins does to everybody else, and what its answers tell.

use std::process::Command;

use super::build;
use super::report::Report;
use super::server::Server;
use super::table;
use crate::{Outcome, programs, workspace};

/// What `cargo xtask bench login --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench login [storm|timing]

Both unless told, against a service with sessions in memory and passwords as they are by default.

  storm   10 000 attempts over 200 connections, each for another account from another address, so that
          none is throttled and all want the queue. Meanwhile other pages are asked for.
          Targets: their p99 under 50 ms, memory growing by less than 256 MB.
  timing  2 000 wrong passwords, taking turns for a user, for nobody, and for a disabled user.
          Targets: medians at most 5 % apart, the area under the curve between 0.45 and 0.55.
";

/// Who was asked, and what was seen of each.
type Seen = Vec<(String, Report)>;

/// Measures, and prints the tables.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let parts: &[fn() -> Outcome] = match arguments {
        [] => &[storm, timing],
        [part] if part == "storm" => &[storm],
        [part] if part == "timing" => &[timing],
        _ => return Err("`cargo xtask bench login` takes `storm`, `timing` or nothing".into()),
    };
    build(&["bench-login", "bench-visitors"])?;
    println!("{}", table::machine());
    parts.iter().try_for_each(|part| part())
}

fn storm() -> Outcome {
    let server = Server::start("bench-login", &[], &[])?;
    let before = server.rss()?;
    let seen = visitors(&server, &["storm", "10000", "200"])?;
    println!("\n| storm | median | p99 | longest | count | target |\n|---|---|---|---|---|---|");
    for (who, figures) in &seen {
        println!("{}", storm_row(who, figures));
    }
    println!("{}", memory_row(before, server.peak_rss()?));
    Ok(())
}

fn storm_row(who: &str, figures: &Report) -> String {
    let what = match who {
        "all" => {
            let seconds = figures.get("seconds");
            return format!("| the whole storm, s | | | {seconds:.1} | | – |");
        }
        "calm" => "other requests, before the storm".to_owned(),
        "storm" => "other requests, in the storm".to_owned(),
        status => format!("logins answered {status}"),
    };
    let p99 = figures.get("p99");
    let target = match who {
        "storm" => format!("p99 < 50 {}", verdict(p99 < 50.0)),
        _ => "–".to_owned(),
    };
    format!(
        "| {what}, ms | {:.1} | {p99:.1} | {:.1} | {:.0} | {target} |",
        figures.get("median"),
        figures.get("longest"),
        figures.get("count")
    )
}

fn memory_row(before: f64, peak: f64) -> String {
    let met = verdict(peak - before < 256.0);
    format!(
        "| memory of the service, MB, from {before:.0} to at most | | | {peak:.0} | | < 256 more {met} |"
    )
}

fn timing() -> Outcome {
    let server = Server::start("bench-login", &["unthrottled"], &[])?;
    let seen = visitors(&server, &["timing", "667"])?;
    println!(
        "\n| wrong password for | median, ms | area beside `known` | count | target |\n|---|---|---|---|---|"
    );
    for (who, figures) in &seen {
        println!("{}", timing_row(who, figures));
    }
    println!("{}", apart_row(&seen));
    Ok(())
}

fn timing_row(who: &str, figures: &Report) -> String {
    let area = figures.get("area");
    let target = match who {
        "known" => "–".to_owned(),
        _ => format!(
            "area 0.45 to 0.55 {}",
            verdict((0.45..=0.55).contains(&area))
        ),
    };
    format!(
        "| {who} | {:.3} | {area:.3} | {:.0} | {target} |",
        figures.get("median"),
        figures.get("count")
    )
}

fn apart_row(seen: &Seen) -> String {
    let mut medians: Vec<f64> = seen
        .iter()
        .map(|(_, figures)| figures.get("median"))
        .collect();
    medians.sort_by(f64::total_cmp);
    let apart = match medians[..] {
        [least, .., most] => (most / least - 1.0) * 100.0,
        _ => f64::NAN,
    };
    let met = verdict(apart <= 5.0);
    format!("| medians apart, % | {apart:.1} | | | ≤ 5 {met} |")
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "**missed**" }
}

fn visitors(server: &Server, arguments: &[&str]) -> Result<Seen, String> {
    let program = workspace::target().join("release/bench-visitors");
    let mut visitors = Command::new(program);
    visitors.arg(server.port.to_string()).args(arguments);
    Ok(seen(&programs::output(&mut visitors)?))
}

fn seen(output: &str) -> Seen {
    let lines = output.lines().filter_map(|line| line.split_once(' '));
    lines
        .map(|(who, figures)| (who.to_owned(), Report::new(figures.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storm(line: &str) -> String {
        let (who, figures) = &seen(line)[0];
        storm_row(who, figures)
    }

    fn timing(line: &str) -> String {
        let (who, figures) = &seen(line)[0];
        timing_row(who, figures)
    }

    #[test]
    fn a_storm_is_judged_by_what_it_does_to_others() {
        assert_eq!(
            storm("storm median=1.2 p99=49.9 longest=80.0 count=700"),
            "| other requests, in the storm, ms | 1.2 | 49.9 | 80.0 | 700 | p99 < 50 met |"
        );
        for figures in ["storm median=1.2 p99=50.0", "storm median=1.2"] {
            assert!(storm(figures).ends_with("p99 < 50 **missed** |"));
        }
        for line in ["calm p99=80.0", "422 p99=900.0", "all seconds=60.0"] {
            assert!(storm(line).ends_with("| – |"), "{line}");
        }
    }

    #[test]
    fn a_storm_is_judged_by_the_memory_it_takes() {
        assert!(memory_row(100.0, 355.9).ends_with("met |"));
        assert!(memory_row(100.0, 356.0).ends_with("**missed** |"));
    }

    #[test]
    fn time_may_not_tell_who_is_there() {
        for (area, met) in [(0.44, false), (0.45, true), (0.55, true), (0.56, false)] {
            let row = timing(&format!("unknown median=20.0 area={area} count=667"));
            assert_eq!(row.contains("**missed**"), !met, "{row}");
        }
        assert!(timing("known median=20.0 area=0.5").ends_with("| – |"));
    }

    #[test]
    fn medians_that_lie_apart_tell_too() {
        let row = |most: f64| {
            apart_row(&seen(&format!(
                "known median=20\nunknown median={most}\ndisabled median=20.5"
            )))
        };
        assert_eq!(row(20.9), "| medians apart, % | 4.5 | | | ≤ 5 met |");
        assert!(row(21.1).contains("**missed**"));
        assert!(row(f64::NAN).contains("**missed**"));
    }
}
