//! A TCP proxy that can be cut, shut and stalled.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

pub struct Proxy {
    pub address: SocketAddr,
    open: Arc<AtomicBool>,
    stalled: watch::Sender<bool>,
    cut: Arc<Mutex<CancellationToken>>,
}

impl Proxy {
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicBool::new(true));
        let cut = Arc::new(Mutex::new(CancellationToken::new()));
        let stalled = watch::Sender::new(false);
        let proxy = Self {
            address,
            open: open.clone(),
            stalled: stalled.clone(),
            cut: cut.clone(),
        };
        let target = target.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&target).await else {
                    continue;
                };
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                let cut = cut.lock().unwrap().clone();
                tokio::spawn(pass(client_read, server_write, cut.clone(), stalled.subscribe()));
                tokio::spawn(pass(server_read, client_write, cut, stalled.subscribe()));
            }
        });
        proxy
    }

    /// Cuts every connection; new ones are let through.
    pub fn cut(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }

    /// Cuts every connection and lets none through.
    pub fn shut(&self) {
        self.open.store(false, Ordering::SeqCst);
        self.cut();
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// Connections stay, but nothing passes.
    pub fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    cut: CancellationToken,
    mut stalled: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = tokio::select! {
            () = cut.cancelled() => break,
            count = from.read(&mut bytes) => match count {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            },
        };
        tokio::select! {
            () = cut.cancelled() => break,
            _ = stalled.wait_for(|stalled| !stalled) => {}
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
    // One half gone is both gone.
    cut_both(&mut to).await;
}

async fn cut_both(to: &mut (impl AsyncWriteExt + Unpin)) {
    let _ = to.shutdown().await;
}
