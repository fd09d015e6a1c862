//! A real server on a free loopback port over a temporary folder.

#![allow(dead_code, reason = "each test file uses its part of the kit")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

pub(crate) mod media;

use core::net::SocketAddr;

use selvedge_core::job::Config;
use selvedge_origin::app::{Door, Proxies, Settings, router};
use selvedge_origin::store::Store;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Secret of every test server.
pub(crate) const SECRET: [u8; 24] = *b"a secret for tests alone";

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) client: reqwest::Client,
    address: SocketAddr,
}

impl Server {
    pub(crate) async fn start(door: Door) -> Self {
        Self::over(tempfile::tempdir().unwrap(), door).await
    }

    pub(crate) async fn over(folder: TempDir, door: Door) -> Self {
        let store = Store::open(folder.path().to_str().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config::default();
        let app = router(Settings {
            store,
            door,
            config,
            api: true,
            base_url: None,
            proxies: Proxies::default(),
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        // Never used here, but the client is not built without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { folder, client, address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn write(&self, object: &str, bytes: &[u8]) {
        let path = self.folder.path().join(object);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, object: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(object)).unwrap()
    }

    /// Sends `line` as the request line, byte for byte, and returns the whole reply.
    pub(crate) async fn raw(&self, line: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{line}\r\nHost: test\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        socket.read_to_end(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }
}
