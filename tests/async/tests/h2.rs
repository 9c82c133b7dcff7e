//! The crate h2 alone, over `tokio::io` without tokio's runtime.

use std_net::process;
use std_net_tests::both;
use std_net_tests_async::compat_pair;

#[test]
fn a_stream_in_both_directions() {
    both(|| {
        let (client, server) = compat_pair();
        let server = process::spawn(move || {
            process::block_on(async {
                let mut connection = h2::server::handshake(server).await.unwrap();
                while let Some(request) = connection.accept().await {
                    let (request, mut respond) = request.unwrap();
                    process::spawn(move || {
                        process::block_on(async {
                            let mut body = request.into_body();
                            let mut sent = respond
                                .send_response(http::Response::new(()), false)
                                .unwrap();
                            while let Some(data) = body.data().await {
                                let data = data.unwrap();
                                body.flow_control().release_capacity(data.len()).unwrap();
                                sent.send_data(data, false).unwrap();
                            }
                            sent.send_data(Vec::new().into(), true).unwrap();
                        });
                    });
                }
            });
        });
        process::block_on(async {
            let (client, connection) = h2::client::handshake(client).await.unwrap();
            let connection = process::spawn(move || process::block_on(connection));
            let mut client = client.ready().await.unwrap();
            let request = http::Request::post("http://localhost/").body(()).unwrap();
            let (answer, mut sender) = client.send_request(request, false).unwrap();
            let mut answer = answer.await.unwrap().into_body();
            for n in 0..100_u8 {
                let piece = vec![n; 1000];
                sender.send_data(piece.clone().into(), false).unwrap();
                let mut got = Vec::new();
                while got.len() < piece.len() {
                    let data = answer.data().await.unwrap().unwrap();
                    answer.flow_control().release_capacity(data.len()).unwrap();
                    got.extend_from_slice(&data);
                }
                assert_eq!(got, piece);
            }
            sender.send_data(Vec::new().into(), true).unwrap();
            assert!(
                answer
                    .data()
                    .await
                    .is_none_or(|last| last.unwrap().is_empty())
            );
            drop((client, sender, answer));
            connection.join().unwrap().unwrap();
        });
        server.join().unwrap();
    });
}
