//! The examples of one idea each, which run to their end without any server: their output, to the letter.

use std::process::Command;

use super::programs::build;

#[track_caller]
fn prints(name: &str, expected: &str) {
    let ended = Command::new(build().example(name)).output().unwrap();
    let (output, log) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!((ended.status.code(), &*output), (Some(0), expected), "{log}");
}

#[test]
fn shared_state_is_one_value_for_all_tasks() {
    prints("shared_state", "/: 50\n/about: 25\n/news: 25\none more makes 26\n");
}

#[test]
fn retries_end_well_or_as_dead_letters() {
    let expected = "\
report.csv: attempt 1 fails
report.csv: attempt 2 fails
report.csv: attempt 3 succeeds
archive.zip: attempt 1 fails
archive.zip: attempt 2 fails
archive.zip: attempt 3 fails
index.html: not there at delivery 1, still attempt 1
index.html: not there at delivery 2, still attempt 1
index.html: published at delivery 3
backup.zip: never
dead letter after 1 attempts: rejected: backup.zip must not be deleted
dead letter after 3 attempts: connection reset
";
    prints("retries", expected);
}

#[test]
fn a_rate_limit_holds_no_worker_slot() {
    let expected = "\
call 1
call 2
call 3
three calls took at least 2 s
report 1
other work
1 report waits for its turn
";
    prints("rate_limit", expected);
}

#[test]
fn blocking_work_runs_beside_and_can_be_stopped() {
    let expected = "\
168 primes below 1000
1229 primes below 10000
9592 primes below 100000
the search was told to stop, and did
dead letter: the task took longer than 50ms: give it more time with `timeout = \"…\"` in its attribute, or less to do in \
one message
";
    prints("blocking", expected);
}

#[test]
fn middleware_goes_around_sends_and_executions() {
    let expected = "\
a message for the task `examples::middleware::cleanup` was refused: only the scheduler cleans up
sent 1 to middleware
r-42: attempt 1 begins
r-42: attempt 1 ends: cat.png is locked
r-42: attempt 2 begins
r-42: attempt 2 is done
";
    prints("middleware", expected);
}

#[test]
fn an_app_runs_two_workers() {
    let expected = "\
worker app-mail serves app-mail
worker app-reports serves app-reports
50 mails sent, 55 pages rendered
";
    prints("app", expected);
}

#[test]
fn scheduled_messages_run_in_the_order_in_which_they_are_due() {
    let expected = "\
1 ready, 3 scheduled
now: plan the day
first: have lunch
second: wash the dishes
third: go for a walk
";
    prints("scheduled", expected);
}

#[test]
fn a_web_service_sends_with_a_client_in_its_state() {
    prints("axum_service", "POST /greetings: 202 Accepted\nGET /greetings: [\"Hello, Ada!\"]\nstopped\n");
}
