//! Existing blocking clients, unchanged, in threadlike processes of one worker, compared with the same
//! clients on OS threads.
//!
//! `cargo test -p std_net_ecosystem -- --nocapture` prints the results.

use std::ffi::{CStr, CString};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use std_net_ecosystem::{
    compare, in_processes, mariadb, on_threads, postgres, redis, slow_echo, slow_http, slow_smtp,
    sshd,
};

/// The tests run one after another, because each measures.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const WAIT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn std_net_of_std() {
    let _alone = alone();
    let port = slow_echo(WAIT);
    compare("std::net", 1000, WAIT, move |i| {
        let addr = ([127, 0, 0, 1], port).into();
        let mut stream = if i % 2 == 0 {
            TcpStream::connect(addr).unwrap()
        } else {
            TcpStream::connect_timeout(&addr, LONG).unwrap()
        };
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
    });
}

#[test]
fn redis_blpop() {
    let _alone = alone();
    let Some(server) = redis() else { return };
    let url = format!("redis://127.0.0.1:{}/", server.port);
    let client = redis::Client::open(url).unwrap();
    compare(
        "redis BLPOP 1 s, SET, GET",
        200,
        Duration::from_secs(1),
        move |i| {
            let mut con = client.get_connection_with_timeout(LONG).unwrap();
            let none: Option<(String, String)> = redis::cmd("BLPOP")
                .arg(format!("nothing{i}"))
                .arg(1)
                .query(&mut con)
                .unwrap();
            assert!(none.is_none());
            redis::cmd("SET")
                .arg(format!("k{i}"))
                .arg(i)
                .exec(&mut con)
                .unwrap();
            let value: usize = redis::cmd("GET")
                .arg(format!("k{i}"))
                .query(&mut con)
                .unwrap();
            assert_eq!(value, i);
        },
    );
}

#[test]
fn ureq_with_one_agent() {
    let _alone = alone();
    let url = format!("http://localhost:{}/", slow_http(WAIT));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(LONG))
        .build()
        .into();
    compare("ureq GET", 200, WAIT, move |_| {
        let mut answer = agent.get(&url).call().unwrap();
        assert_eq!(answer.body_mut().read_to_string().unwrap(), "hello");
    });
}

#[test]
fn reqwest_blocking() {
    let _alone = alone();
    let url = format!("http://127.0.0.1:{}/", slow_http(WAIT));
    let client = reqwest::blocking::Client::builder()
        .timeout(LONG)
        .build()
        .unwrap();
    compare("reqwest::blocking GET", 200, WAIT, move |_| {
        assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
    });
}

#[test]
fn curl_easy() {
    let _alone = alone();
    curl::init();
    let url = format!("http://127.0.0.1:{}/", slow_http(WAIT));
    compare("libcurl GET", 200, WAIT, move |_| {
        let mut easy = curl::easy::Easy::new();
        easy.url(&url).unwrap();
        easy.signal(false).unwrap();
        let mut body = Vec::new();
        {
            let mut transfer = easy.transfer();
            transfer
                .write_function(|bytes| {
                    body.extend_from_slice(bytes);
                    Ok(bytes.len())
                })
                .unwrap();
            transfer.perform().unwrap();
        }
        assert_eq!(body, b"hello");
    });
}

#[test]
fn postgres_with_tokio_inside_and_libpq_with_and_without_tls() {
    let _alone = alone();
    let Some(server) = postgres() else { return };
    let port = server.port;
    compare("postgres pg_sleep(0.2)", 200, WAIT, move |i| {
        let config = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
        let mut client = postgres::Client::connect(&config, postgres::NoTls).unwrap();
        let number = i32::try_from(i).unwrap();
        let row = client
            .query_one("select pg_sleep(0.2)::text, $1::int4", &[&number])
            .unwrap();
        assert_eq!(row.get::<_, i32>(1), number);
    });
    for mode in ["disable", "require"] {
        let config = CString::new(format!(
            "host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode={mode}"
        ))
        .unwrap();
        compare(
            &format!("libpq pg_sleep(0.2), sslmode={mode}"),
            200,
            WAIT,
            move |i| query(&config, i),
        );
    }
}

/// Makes a query with libpq, which is a C library.
fn query(config: &CStr, i: usize) {
    // SAFETY: each call follows libpq's documentation. The strings end with a zero byte, and each
    // result is freed once.
    unsafe {
        let connection = pq_sys::PQconnectdb(config.as_ptr());
        assert_eq!(
            pq_sys::PQstatus(connection),
            pq_sys::ConnStatusType::CONNECTION_OK,
            "{:?}",
            CStr::from_ptr(pq_sys::PQerrorMessage(connection))
        );
        let text = CString::new(format!("select {i} from pg_sleep(0.2)")).unwrap();
        let result = pq_sys::PQexec(connection, text.as_ptr());
        let value = CStr::from_ptr(pq_sys::PQgetvalue(result, 0, 0));
        assert_eq!(value.to_str().unwrap(), i.to_string());
        pq_sys::PQclear(result);
        pq_sys::PQfinish(connection);
    }
}

#[test]
fn ssh2_commands() {
    let _alone = alone();
    let Some(server) = sshd() else { return };
    let key = server.dir.path().join("key");
    let user = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
    let port = server.port;
    // The server makes three processes for each, so it takes its time for many.
    let wait = Duration::from_secs(2);
    compare("ssh2 sleep 2", 20, wait, move |i| {
        let mut session = ssh2::Session::new().unwrap();
        session.set_tcp_stream(TcpStream::connect(("127.0.0.1", port)).unwrap());
        session.handshake().unwrap();
        session
            .userauth_pubkey_file(&user, None, &key, None)
            .unwrap();
        let mut channel = session.channel_session().unwrap();
        channel.exec(&format!("sleep 2; echo {i}")).unwrap();
        let mut said = String::new();
        channel.read_to_string(&mut said).unwrap();
        assert_eq!(said.trim(), i.to_string());
        channel.wait_close().unwrap();
    });
}

#[test]
fn mysql_and_its_pool() {
    use mysql::prelude::Queryable;
    let _alone = alone();
    let Some(server) = mariadb() else { return };
    let opts = mysql::OptsBuilder::new()
        .ip_or_hostname(Some("127.0.0.1"))
        .tcp_port(server.port)
        .user(Some("root"))
        .prefer_socket(false);
    let each = opts.clone();
    compare("mysql sleep(0.2)", 100, WAIT, move |i| {
        let mut connection = mysql::Conn::new(each.clone()).unwrap();
        let row: Option<(u8, usize)> = connection
            .query_first(format!("select sleep(0.2), {i}"))
            .unwrap();
        assert_eq!(row, Some((0, i)));
    });
    // There are ten connections for a hundred clients. Clients that wait for a connection use std's
    // Condvar.
    let limits = mysql::PoolConstraints::new(1, 10).unwrap();
    let opts = opts.pool_opts(mysql::PoolOpts::default().with_constraints(limits));
    let pool = mysql::Pool::new(opts).unwrap();
    let took = in_processes(100, move |i| {
        let mut connection = pool.get_conn().unwrap();
        let row: Option<(u8, usize)> = connection
            .query_first(format!("select sleep(0.05), {i}"))
            .unwrap();
        assert_eq!(row, Some((0, i)));
    });
    println!("mysql pool of 10, 100 clients of 50 ms: {took}");
}

#[test]
fn lettre_smtp() {
    use lettre::message::header::ContentType;
    use lettre::{Message, SmtpTransport, Transport};
    let _alone = alone();
    let (port, taken) = slow_smtp(WAIT);
    compare("lettre", 200, WAIT, move |i| {
        let mail = Message::builder()
            .from("a@localhost.localdomain".parse().unwrap())
            .to("b@localhost.localdomain".parse().unwrap())
            .subject(format!("number {i}"))
            .header(ContentType::TEXT_PLAIN)
            .body("hello".to_owned())
            .unwrap();
        let transport = SmtpTransport::builder_dangerous("127.0.0.1")
            .port(port)
            .build();
        transport.send(&mail).unwrap();
    });
    assert_eq!(taken.load(Ordering::SeqCst), 400);
}

/// Connects to the slow server, for r2d2.
struct Manager(u16);

impl r2d2::ManageConnection for Manager {
    type Connection = TcpStream;
    type Error = io::Error;

    fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.0))
    }

    fn is_valid(&self, _: &mut TcpStream) -> io::Result<()> {
        Ok(())
    }

    fn has_broken(&self, _: &mut TcpStream) -> bool {
        false
    }
}

#[test]
fn r2d2_serves_everyone() {
    let _alone = alone();
    const EACH: Duration = Duration::from_millis(20);
    let manager = Manager(slow_echo(EACH));
    let pool = r2d2::Pool::builder()
        .max_size(10)
        .connection_timeout(LONG)
        .build(manager)
        .unwrap();
    let client = move |_| {
        let mut stream = pool.get().expect("everyone is served");
        stream.write_all(b"hello").unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
    };
    // Clients that wait for a connection use parking_lot's Condvar.
    let processes = in_processes(200, client.clone());
    let threads = on_threads(200, client);
    println!("r2d2 pool of 10, 200 clients of 20 ms, in processes: {processes}");
    println!("r2d2 pool of 10, 200 clients of 20 ms, on threads:   {threads}");
    assert!(processes.time < EACH * 200 / 2);
}
