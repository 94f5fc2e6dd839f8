//! A process does what it is told, and leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::time::Duration;

use common::{SOON, eventually, gone, lives};
use test_kit::{Launch, Process, ProcessError, Signal};

fn shell(script: &str) -> Launch {
    Launch::new("shell", "sh").unwrap().args(["-c", script])
}

/// A process with a child of its own, both of which would run for long, and their process ids.
async fn family() -> (Process, [i32; 2]) {
    let process = shell("sleep 1000 & echo child $!; wait").start().unwrap();
    let line = process.wait_for_line("child ", SOON).await.unwrap();
    let pids = [process.pid(), line.trim_start_matches("child ").parse().unwrap()];
    (process, pids)
}

#[tokio::test]
async fn its_exit_code_and_output_are_kept() {
    let process = shell("echo out; echo err >&2; exit 7").start().unwrap();
    assert_eq!(process.wait(SOON).await.unwrap(), 7);
    assert_eq!(process.exit_code(), Some(7));
    assert_eq!(process.log(), "out\nerr\n");
}

#[tokio::test]
async fn it_inherits_the_environment_but_for_what_is_changed() {
    let launch = shell("echo \"[$HOME] [$PATH] [$MINE] [$PWD]\"")
        .env("MINE", "x y")
        .env_remove("HOME");
    let process = launch.current_dir("/").start().unwrap();
    process.wait(SOON).await.unwrap();
    assert_eq!(
        process.log(),
        format!("[] [{}] [x y] [/]\n", std::env::var("PATH").unwrap())
    );
}

#[tokio::test]
async fn its_temporary_files_are_in_its_folder() {
    let process = shell("echo \"$TMPDIR/\"").start().unwrap();
    process.wait(SOON).await.unwrap();
    assert!(process.log().starts_with(process.folder().to_str().unwrap()));
}

#[tokio::test]
async fn its_memory_can_be_limited() {
    let process = shell("ulimit -d").memory_limit(64 << 20).start().unwrap();
    process.wait(SOON).await.unwrap();
    assert_eq!(process.log(), "65536\n");
}

#[tokio::test]
async fn it_reads_nothing() {
    let process = shell("cat; echo done").start().unwrap();
    process.wait(SOON).await.unwrap();
    assert_eq!(process.log(), "done\n");
}

#[tokio::test]
async fn a_line_is_found_even_when_the_process_has_ended() {
    let process = shell("echo one; echo two words").start().unwrap();
    assert_eq!(process.wait_for_line("wor", SOON).await.unwrap(), "two words");
    let error = process.wait_for_line("three", SOON).await.unwrap_err();
    assert!(matches!(error, ProcessError::Ended { code: 0, tail, .. } if tail == "one\ntwo words"));
}

#[tokio::test]
async fn waiting_has_an_end() {
    let process = shell("echo ready; sleep 1000").start().unwrap();
    process.wait_for_line("ready", SOON).await.unwrap();
    let short = Duration::from_millis(1);
    assert!(matches!(process.wait(short).await, Err(ProcessError::Deadline { tail, .. }) if tail == "ready"));
    assert!(matches!(
        process.wait_for_line("never", short).await,
        Err(ProcessError::Deadline { .. })
    ));
}

#[tokio::test]
async fn a_program_that_does_not_exist_ends_as_in_a_shell() {
    let process = Launch::new("nothing", "/no/such/program")
        .unwrap()
        .start()
        .unwrap();
    assert_eq!(process.wait(SOON).await.unwrap(), 127);
}

#[tokio::test]
async fn signals_reach_the_program_itself() {
    let process = shell("trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.01; done")
        .start()
        .unwrap();
    process.wait_for_line("ready", SOON).await.unwrap();
    process.signal(Signal::Term).unwrap();
    assert_eq!(process.wait(SOON).await.unwrap(), 3);
    process.signal(Signal::Term).unwrap();

    let process = shell("echo ready; exec sleep 1000").start().unwrap();
    process.wait_for_line("ready", SOON).await.unwrap();
    process.signal(Signal::Kill).unwrap();
    assert_eq!(process.wait(SOON).await.unwrap(), 128 + 9);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_can_be_frozen_and_thawed() {
    let state = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    };
    let process = shell("echo ready; exec sleep 1000").start().unwrap();
    process.wait_for_line("ready", SOON).await.unwrap();
    process.signal(Signal::Stop).unwrap();
    eventually(|| state(process.pid()) == 'T').await;
    process.signal(Signal::Cont).unwrap();
    eventually(|| state(process.pid()) == 'S').await;
    process.signal(Signal::Stop).unwrap();
    let (pid, folder) = (process.pid(), process.folder().to_owned());
    drop(process);
    gone(&[pid], &folder).await;
}

#[tokio::test]
async fn dropped_it_takes_along_what_it_started_and_its_folder() {
    let (process, pids) = family().await;
    let folder = process.folder().to_owned();
    std::fs::create_dir_all(folder.join("deep/er")).unwrap();
    assert!(pids.into_iter().all(lives));
    drop(process);
    assert!(!folder.exists());
    gone(&pids, &folder).await;
}

#[tokio::test]
async fn what_it_left_behind_goes_too() {
    let process = shell("sleep 1000 & echo child $!").start().unwrap();
    process.wait(SOON).await.unwrap();
    let child = process.log().trim_start_matches("child ").trim().parse().unwrap();
    let folder = process.folder().to_owned();
    assert!(lives(child) && folder.exists());
    drop(process);
    gone(&[child], &folder).await;
}

#[tokio::test]
async fn it_ends_with_a_thread_that_panics() {
    let (process, pids) = family().await;
    let folder = process.folder().to_owned();
    let thread = std::thread::spawn(move || {
        let _held = process;
        panic!("as a failing test does");
    });
    thread.join().unwrap_err();
    gone(&pids, &folder).await;
}
