//! How the operator and the writer are stopped.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Switches on at SIGTERM or Ctrl-C. A second one ends the process at once.
///
/// # Errors
/// When the operating system lets nobody listen to signals.
pub fn on_signal(stop: watch::Sender<bool>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "stopping");
        stop.send_replace(true);
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "stopped before all was done");
        std::process::exit(1);
    });
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Ends when the switch is on.
pub async fn until(mut switch: watch::Receiver<bool>) {
    // The sender is gone: nobody will ever switch.
    if switch.wait_for(|on| *on).await.is_err() {
        std::future::pending::<()>().await;
    }
}
