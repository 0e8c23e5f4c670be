//! `cargo xtask bench service`: what a request costs, beside plain axum.

use super::build;
use super::load::Load;
use super::pairs::{alternate, median};
use super::server::Server;
use super::table::{self, Row};
use crate::Outcome;

/// What `cargo xtask bench service --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench service [rounds]

CPU time of the server process per request, user and system, of the same handlers in plain axum and
in the service with its default settings; medians of so many rounds, 5 unless told, in which the two
take turns. wrk asks over 32 connections for 2 seconds at a time.

  health      `/health`
  plain text  13 bytes
  page        an Askama page of 11 kB
  session     the page with a name read from the session, memory store; plain axum with tower-sessions

Plain axum has no layer at all, so it writes no log. The service writes one line per request into a
file, as in production, and is measured a second time without the line. The last rows compare it with
plain axum under tower-http's TraceLayer, which logs one line per answer too.
";

/// What switches the access log off.
const NO_ACCESS_LOG: [(&str, &str); 1] = [("RUST_LOG", "info,acton_service::access=off")];

/// Measures, and prints the tables.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let rounds = match arguments {
        [] => 5,
        [rounds] => rounds
            .parse()
            .ok()
            .filter(|rounds| *rounds > 0)
            .ok_or_else(|| format!("`{rounds}` is not a number of rounds"))?,
        _ => return Err("`cargo xtask bench service` takes a number of rounds or nothing".into()),
    };
    build(&["bench-axum", "bench-service"])?;
    println!("{}", table::machine());
    requests(rounds)?;
    starts(rounds)
}

fn axum(arguments: &[&str]) -> Result<Server, String> {
    Server::start("bench-axum", arguments, &[])
}

fn service(arguments: &[&str]) -> Result<Server, String> {
    Server::start("bench-service", arguments, &[])
}

/// CPU time per request.
fn requests(rounds: usize) -> Outcome {
    let [plain, traced, stock] = [axum(&[])?, axum(&["trace"])?, axum(&["sessions"])?];
    let [ours, full] = [service(&[])?, service(&["sessions"])?];
    let silent = Server::start("bench-service", &[], &NO_ACCESS_LOG)?;
    let mute = Server::start("bench-service", &["sessions"], &NO_ACCESS_LOG)?;
    let servers = [&plain, &traced, &stock, &ours, &silent, &full, &mute];
    let [
        plain_at,
        traced_at,
        stock_at,
        ours_at,
        silent_at,
        full_at,
        mute_at,
    ] = [0, 1, 2, 3, 4, 5, 6];
    let (health, text, page, own) = ("/health", "/plain", "/page", "/own-page");
    let rows = [
        ("health", health, plain_at, ours_at, None),
        ("health, no access log", health, plain_at, silent_at, None),
        ("plain text", text, plain_at, ours_at, Some(1.3)),
        ("plain text, no access log", text, plain_at, silent_at, None),
        (
            "plain text, beside TraceLayer",
            text,
            traced_at,
            ours_at,
            None,
        ),
        ("page", page, plain_at, ours_at, Some(1.2)),
        ("page, no access log", page, plain_at, silent_at, None),
        ("page, beside TraceLayer", page, traced_at, ours_at, None),
        ("session", own, stock_at, full_at, Some(1.25)),
        ("session, no access log", own, stock_at, mute_at, None),
    ];
    // Each is measured once a round, however many rows it is in.
    let mut asked: Vec<(&str, usize)> = Vec::new();
    for (_, path, baseline, ours, _) in rows {
        for pair in [(path, baseline), (path, ours)] {
            if !asked.contains(&pair) {
                asked.push(pair);
            }
        }
    }
    let loads: Result<Vec<_>, String> = asked
        .iter()
        .map(|(path, server)| Ok((servers[*server], load(path, servers[*server])?)))
        .collect();
    let costs = alternate(rounds, &loads?)?;
    let cost = |path, server| {
        let place = asked.iter().position(|pair| *pair == (path, server));
        place.map(|place| costs[place]).ok_or("not measured")
    };
    let mut cpu = Vec::new();
    let mut rate = Vec::new();
    for (what, path, baseline, ours, target) in rows {
        let (baseline, ours) = (cost(path, baseline)?, cost(path, ours)?);
        cpu.push(Row {
            what: what.to_owned(),
            baseline: baseline.micros,
            ours: ours.micros,
            target,
        });
        rate.push(Row {
            what: what.to_owned(),
            baseline: baseline.rate,
            ours: ours.rate,
            target: None,
        });
    }
    table::print("µs of CPU per request", &cpu);
    table::print("answers per second, one thread asking", &rate);
    let most = Row {
        what: "sessions, after all that".to_owned(),
        baseline: stock.peak_rss()?,
        ours: full.peak_rss()?,
        target: None,
    };
    table::print("MB of memory at most", &[most]);
    Ok(())
}

/// What asks for a path; for somebody's own page with the cookie of a session.
fn load(path: &str, server: &Server) -> Result<Load, String> {
    let load = Load::on(path);
    if path != "/own-page" {
        return Ok(load);
    }
    let answer = server.get("/sign-in", "")?;
    let cookie = answer
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .starts_with("set-cookie: ")
                .then_some(&line[12..])
        })
        .and_then(|cookie| cookie.split(';').next())
        .ok_or("no cookie after /sign-in")?;
    let shown = server.get(path, &format!("Cookie: {cookie}\r\n"))?;
    if !shown.contains("Signed in as alice") {
        return Err("the session is not read".into());
    }
    Ok(load.header(format!("Cookie: {cookie}")))
}

/// From the start of the process to the first answer, and what it holds in memory then.
fn starts(rounds: usize) -> Outcome {
    let mut figures = [(); 4].map(|()| Vec::new());
    for _ in 0..rounds.max(5) {
        let [plain, ours] = [axum(&["sessions"])?, service(&["sessions"])?];
        let millis = |server: &Server| server.startup.as_secs_f64() * 1e3;
        figures[0].push(millis(&plain));
        figures[1].push(millis(&ours));
        figures[2].push(plain.rss()?);
        figures[3].push(ours.rss()?);
    }
    let [plain_start, start, plain_rss, rss] = figures.map(median);
    let row = |what: &str, baseline, ours| Row {
        what: what.to_owned(),
        baseline,
        ours,
        target: None,
    };
    let rows = [
        row("start to first answer, ms", plain_start, start),
        row("memory when idle, MB", plain_rss, rss),
    ];
    table::print("once", &rows);
    Ok(())
}
