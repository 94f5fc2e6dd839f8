//! Nothing of a control plane outlives the process that holds it, however that ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{gone, lives};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

struct Owner {
    process: Child,
    pid: Pid,
    /// Process ids of the servers, and their folders.
    servers: Vec<(i32, PathBuf)>,
}

/// A process in a group of its own, as a shell in a terminal starts it, that holds a control plane.
fn owner() -> Owner {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let servers: Vec<(i32, PathBuf)> = lines
        .take_while(|line| !line.starts_with("KUBECONFIG="))
        .map(|line| {
            line.split_once(' ')
                .map(|(pid, folder)| (pid.parse().unwrap(), folder.into()))
                .unwrap()
        })
        .collect();
    assert_eq!(servers.len(), 2);
    assert!(servers.iter().all(|(pid, folder)| lives(*pid) && folder.exists()));
    let pid = Pid::from_child(&process);
    Owner {
        process,
        pid,
        servers,
    }
}

async fn nothing_is_left(mut owner: Owner) {
    owner.process.wait().unwrap();
    for (pid, folder) in &owner.servers {
        gone(&[*pid], folder).await;
    }
}

#[tokio::test]
async fn it_ends_by_itself() {
    let mut owner = owner();
    drop(owner.process.stdin.take());
    nothing_is_left(owner).await;
}

#[tokio::test]
async fn it_is_killed() {
    let owner = owner();
    kill_process(owner.pid, Signal::KILL).unwrap();
    nothing_is_left(owner).await;
}

#[tokio::test]
async fn somebody_types_ctrl_c() {
    let owner = owner();
    kill_process_group(owner.pid, Signal::INT).unwrap();
    nothing_is_left(owner).await;
}
