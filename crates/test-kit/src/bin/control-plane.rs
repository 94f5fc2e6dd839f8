//! Holds a control plane until stdin ends, or until this process is ended: `cargo run -p test-kit --bin
//! control-plane`. Its children and its folders go with it in any case.

use std::io::{self, Read};
use std::process::ExitCode;

use test_kit::{ControlPlane, ControlPlaneError};

#[tokio::main]
async fn main() -> ExitCode {
    match hold().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn hold() -> Result<(), ControlPlaneError> {
    let plane = ControlPlane::start().await?;
    for process in [plane.etcd(), plane.api_server()] {
        println!("{} {}", process.pid(), process.folder().display());
    }
    println!("KUBECONFIG={}", plane.kubeconfig_path().display());
    // A stdin that cannot be read has ended, too.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}
