//! When the user asks to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Ends at the first Ctrl-C or SIGTERM. From then on a second one ends the process at once.
pub(crate) async fn requested() {
    any().await;
    tokio::spawn(async {
        any().await;
        #[expect(
            clippy::exit,
            reason = "the user does not want to wait for a clean end"
        )]
        std::process::exit(130);
    });
}

async fn any() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the signal ends the process, which is what it asks for.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
