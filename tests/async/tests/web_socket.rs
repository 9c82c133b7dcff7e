//! async-tungstenite, the variant of tungstenite that is written with futures, over `futures-io`.

use async_tungstenite::tungstenite::Message;
use futures_util::StreamExt;
use std_net::compat::CompatExt;
use std_net::process;
use std_net::unix::UnixStream;
use std_net_tests::both;
use std_net_tests_async::compat_pair;

macro_rules! echo {
    ($client:expr, $server:expr) => {{
        let (client, server) = ($client, $server);
        let server = process::spawn(move || {
            process::block_on(async {
                let mut socket = async_tungstenite::accept_async(server).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_close() {
                        break;
                    }
                    socket.send(message).await.unwrap();
                }
            });
        });
        process::block_on(async {
            let (mut socket, _) = async_tungstenite::client_async("ws://localhost/", client)
                .await
                .unwrap();
            for message in [
                Message::text("grüß dich"),
                Message::binary(vec![7; 300_000]),
                Message::text(""),
            ] {
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), message);
            }
            socket.close(None).await.unwrap();
        });
        server.join().unwrap();
    }};
}

#[test]
fn messages_come_back() {
    both(|| {
        let (client, server) = compat_pair();
        echo!(client, server);
        let (a, b) = UnixStream::pair().unwrap();
        echo!(a.compat().unwrap(), b.compat().unwrap());
    });
}
