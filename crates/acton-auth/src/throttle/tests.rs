use super::*;
use tokio::time;

const HERE: [u8; 4] = [192, 0, 2, 1];
const MINUTE: Duration = Duration::from_secs(60);

async fn fail(throttle: &Throttle, account: &str, times: u32) {
    for _ in 0..times {
        drop(throttle.attempt(account, HERE).await);
    }
}

async fn wait_for(throttle: &Throttle, account: &str) -> Option<Duration> {
    match throttle.attempt(account, HERE).await {
        Err(Error::Throttled { retry_after }) => Some(retry_after),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_failure_of_an_account_is_refused() {
    let throttle = Throttle::default();
    fail(&throttle, "alice", 9).await;
    assert_eq!(wait_for(&throttle, "alice").await, None);
    assert_eq!(wait_for(&throttle, " ALICE ").await, Some(15 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn another_account_from_the_same_address_still_logs_in() {
    let throttle = Throttle::default();
    fail(&throttle, "alice", 12).await;
    assert!(throttle.attempt("bob", HERE).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_block_ends_and_the_next_lasts_twice_as_long_up_to_an_hour() {
    let throttle = Throttle::default();
    let mut blocks = Vec::new();
    for _ in 0..4 {
        fail(&throttle, "alice", 10).await;
        let block = wait_for(&throttle, "alice").await.unwrap();
        time::advance(block).await;
        blocks.push(block);
    }
    assert_eq!(blocks, [15 * MINUTE, 30 * MINUTE, 60 * MINUTE, 60 * MINUTE]);
}

#[tokio::test(start_paused = true)]
async fn failures_leave_the_window_one_by_one() {
    let throttle = Throttle::default();
    fail(&throttle, "alice", 5).await;
    time::advance(10 * MINUTE).await;
    fail(&throttle, "alice", 4).await;
    time::advance(6 * MINUTE).await;
    fail(&throttle, "alice", 5).await;
    assert_eq!(wait_for(&throttle, "alice").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_success_clears_the_account() {
    let throttle = Throttle::default();
    fail(&throttle, "alice", 9).await;
    throttle
        .attempt("alice", HERE)
        .await
        .unwrap()
        .succeeded()
        .await;
    fail(&throttle, "alice", 9).await;
    assert_eq!(wait_for(&throttle, "alice").await, None);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_tries_many_accounts_is_refused_five_a_minute() {
    let throttle = Throttle::default();
    for number in 0..10 {
        fail(&throttle, &format!("user-{number}"), 1).await;
    }
    assert_eq!(wait_for(&throttle, "alice").await, Some(2 * MINUTE));
    assert!(throttle.attempt("alice", [192, 0, 2, 2]).await.is_ok());
    time::advance(2 * MINUTE).await;
    assert_eq!(wait_for(&throttle, "alice").await, None);
}

#[tokio::test(start_paused = true)]
async fn every_block_of_an_address_lasts_twice_as_long_as_the_one_before_up_to_an_hour() {
    let throttle = Throttle::default();
    let mut blocks = Vec::new();
    for round in 0..7 {
        for number in 0..10 {
            fail(&throttle, &format!("user-{round}-{number}"), 1).await;
        }
        let block = wait_for(&throttle, "alice").await.unwrap();
        // Whoever knows one right password does not get rid of it.
        time::advance(block).await;
        let attempt = throttle.attempt("mallory", HERE).await.unwrap();
        attempt.succeeded().await;
        blocks.push(block.as_secs() / 60);
    }
    assert_eq!(blocks, [2, 4, 8, 16, 32, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_costs_the_address_nothing() {
    let throttle = Throttle::default();
    let elsewhere = [198, 51, 100, 7];
    for number in 0..20 {
        let account = format!("user-{number}");
        let address = [203, 0, 113, number];
        while throttle.attempt(&account, address).await.is_ok() {}
        assert!(throttle.attempt(&account, elsewhere).await.is_err());
    }
    assert!(throttle.attempt("alice", elsewhere).await.is_ok());
    for number in 0..9 {
        let account = format!("other-{number}");
        drop(throttle.attempt(&account, elsewhere).await.unwrap());
    }
    assert!(throttle.attempt("bob", elsewhere).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_costs_the_account_nothing() {
    let throttle = Throttle::default();
    for number in 0..10 {
        fail(&throttle, &format!("user-{number}"), 1).await;
    }
    fail(&throttle, "alice", 50).await;
    assert!(throttle.attempt("alice", [192, 0, 2, 2]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn successes_cost_an_address_nothing() {
    let throttle = Throttle::default();
    for number in 0..50 {
        let attempt = throttle.attempt(&format!("user-{number}"), HERE).await;
        attempt.unwrap().succeeded().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_tried_costs_nothing() {
    let throttle = Throttle::default();
    fail(&throttle, "alice", 5).await;
    for number in 0..50 {
        let attempt = throttle.attempt("alice", HERE).await;
        attempt.unwrap().not_tried().await;
        let attempt = throttle.attempt(&format!("user-{number}"), HERE).await;
        attempt.unwrap().not_tried().await;
    }
    // Nor does it forgive anything.
    fail(&throttle, "alice", 5).await;
    assert!(wait_for(&throttle, "alice").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_block_that_came_of_what_was_not_tried_is_none() {
    let throttle = Throttle::default();
    fail(&throttle, "alice", 9).await;
    let attempt = throttle.attempt("alice", HERE).await.unwrap();
    assert!(wait_for(&throttle, "alice").await.is_some());
    attempt.not_tried().await;
    assert_eq!(wait_for(&throttle, "alice").await, None);
    assert_eq!(wait_for(&throttle, "alice").await, Some(15 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn guesses_at_the_same_time_are_counted_each() {
    let throttle = Throttle::default();
    let mut open = Vec::new();
    while let Ok(attempt) = throttle.attempt("alice", HERE).await {
        open.push(attempt);
    }
    assert_eq!(open.len(), 10);
}

#[tokio::test]
async fn debug_output_shows_no_name() {
    let attempt = Throttle::default().attempt("hunter2", HERE).await.unwrap();
    assert!(!format!("{attempt:?}").contains("hunter2"));
}

#[test]
fn one_ipv6_network_is_one_address() {
    let parse = |text: &str| network(text.parse().unwrap());
    assert_eq!(parse("2001:db8:1:2:3:4:5:6"), parse("2001:db8:1:2::"));
    assert_ne!(parse("2001:db8:1:3::1"), parse("2001:db8:1:2::1"));
    assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
}
