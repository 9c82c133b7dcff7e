//! gRPC by tonic over processes: a unary call and a stream, with client and server. tonic's own
//! transport needs tokio, but its codecs and services do not.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use std_net::compat::ProcessExecutor;
use std_net::process;
use std_net_tests::both;
use std_net_tests_async::compat_pair;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::{ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The type that `prost` would make of `message Number { uint64 value = 1; }`.
#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(uint64, tag = "1")]
    value: u64,
}

struct Double;

impl UnaryService<Number> for Double {
    type Response = Number;
    type Future = BoxFuture<Response<Number>, Status>;

    fn call(&mut self, request: Request<Number>) -> Self::Future {
        let value = request.into_inner().value;
        Box::pin(async move {
            let value = value
                .checked_mul(2)
                .ok_or_else(|| Status::out_of_range("too large"))?;
            Ok(Response::new(Number { value }))
        })
    }
}

struct CountTo;

impl ServerStreamingService<Number> for CountTo {
    type Response = Number;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<Number>) -> Self::Future {
        let last = request.into_inner().value;
        Box::pin(async move {
            let numbers: Self::ResponseStream =
                Box::pin(stream::iter((1..=last).map(|value| Ok(Number { value }))));
            Ok(Response::new(numbers))
        })
    }
}

async fn route(
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let mut grpc = tonic::server::Grpc::new(ProstCodec::<Number, Number>::default());
    let path = request.uri().path().to_owned();
    let request = request.map(Body::new);
    Ok(match path.as_str() {
        "/numbers/double" => grpc.unary(Double, request).await,
        "/numbers/count" => grpc.server_streaming(CountTo, request).await,
        _ => Status::unimplemented(path).into_http(),
    })
}

/// Makes tonic's client use hyper's.
#[derive(Clone)]
struct Channel(hyper::client::conn::http2::SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = hyper::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        *request.uri_mut() = format!("http://localhost{path}").parse().expect("a path");
        let answer = self.0.send_request(request);
        let failed = |error: hyper::Error| Status::from_error(Box::new(error));
        Box::pin(async move { Ok(answer.await?.map(|body| Body::new(body.map_err(failed)))) })
    }
}

#[test]
fn a_unary_call_and_a_stream() {
    both(|| {
        let (client, server) = compat_pair();
        let server = process::spawn(move || {
            let served = hyper::server::conn::http2::Builder::new(ProcessExecutor)
                .serve_connection(server, service_fn(route));
            process::block_on(served)
        });
        let handshake = hyper::client::conn::http2::handshake(ProcessExecutor, client);
        let (sender, connection) = process::block_on(handshake).unwrap();
        let connection = process::spawn(move || process::block_on(connection));
        process::block_on(async {
            let mut client = tonic::client::Grpc::new(Channel(sender));
            let codec = || ProstCodec::<Number, Number>::default();
            let double = PathAndQuery::from_static("/numbers/double");
            client.ready().await.unwrap();
            let request = Request::new(Number { value: 21 });
            let answer = client
                .unary(request, double.clone(), codec())
                .await
                .unwrap();
            assert_eq!(answer.into_inner().value, 42);

            client.ready().await.unwrap();
            let request = Request::new(Number { value: u64::MAX });
            let status = client.unary(request, double, codec()).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::OutOfRange);

            client.ready().await.unwrap();
            let count = PathAndQuery::from_static("/numbers/count");
            let request = Request::new(Number { value: 1000 });
            let numbers = client
                .server_streaming(request, count, codec())
                .await
                .unwrap();
            let numbers: Vec<_> = numbers
                .into_inner()
                .map(|n| n.unwrap().value)
                .collect()
                .await;
            assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
        });
        connection.join().unwrap().unwrap();
        server.join().unwrap().unwrap();
    });
}
