//! If certificates or keys of a TLS configuration are wrong, does the error say what is wrong, in which
//! file and in which certificate? Is no certificate ignored silently?

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::Command;

use std_net::process;
use std_net::socket::TcpStream;
use std_net::tls::{ClientConfig, PemError, PemProblem, ServerConfig, TlsAcceptor};
use std_net::unix::UnixStream;
use std_net_tests::certificates::{Authority, Identity};
use std_net_tests::{TempPath, both, tcp_pair, tool};

/// Returns the problem, the file and the text of an error.
#[track_caller]
fn problem<T>(result: io::Result<T>) -> (PemProblem, Option<String>, String) {
    let Err(error) = result else {
        panic!("it was accepted");
    };
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let pem = PemError::of(&error).unwrap_or_else(|| panic!("no PemError: {error}"));
    let path = pem.path().map(|path| path.display().to_string());
    let text = error.to_string();
    if let Some(path) = &path {
        assert!(text.starts_with(path.as_str()), "{text}");
    }
    (pem.problem(), path, text)
}

fn file(content: impl AsRef<[u8]>) -> TempPath {
    let path = TempPath::new();
    fs::write(&*path, content).unwrap();
    path
}

fn shown(path: &Path) -> Option<String> {
    Some(path.display().to_string())
}

fn roots(content: impl AsRef<[u8]>) -> io::Result<ClientConfig> {
    let path = file(content);
    ClientConfig::builder().root_file(&*path).build()
}

/// Returns whether a client with this configuration trusts this server.
fn trusts(config: &ClientConfig, server: &Identity) -> bool {
    let (a, b) = tcp_pair();
    let config = config.clone();
    let acceptor = TlsAcceptor::new(
        ServerConfig::builder(&*server.chain, &*server.key)
            .build()
            .unwrap(),
    );
    let accepted = process::spawn(move || acceptor.accept(b).map(drop));
    let connected = config.connect(a, "localhost").map(drop);
    let _ = accepted.join().unwrap();
    connected.is_ok()
}

#[test]
fn a_byte_order_mark_loses_no_root() {
    both(|| {
        let (first, second) = (Authority::new(), Authority::new());
        let mark = "\u{feff}";
        // These are bundles as editors write them, as joined files have them, and with the line ends of
        // Windows.
        for bundle in [
            format!("{mark}{}{}", first.pem, second.pem),
            format!("{mark}{}{mark}{}", first.pem, second.pem),
            format!("{mark}{}{}", first.pem, second.pem).replace('\n', "\r\n"),
            format!("{}{}", first.pem, second.pem).replace('\n', "\r"),
        ] {
            let config = roots(&bundle).unwrap();
            assert!(trusts(&config, &first.issue(&["localhost"])));
            assert!(trusts(&config, &second.issue(&["localhost"])));
        }
        // The files of a server can have these forms too.
        let me = first.issue(&["localhost"]);
        let config = roots(&first.pem).unwrap();
        let marked = Identity {
            chain: format!("{mark}{}", me.chain),
            key: format!("{mark}{}", me.key),
        };
        assert!(trusts(&config, &marked));
        let utf16: Vec<u8> = format!("{mark}{}", first.pem)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let (what, _, text) = problem(roots(utf16));
        assert_eq!(what, PemProblem::NotPem);
        assert!(text.contains("UTF-16"), "{text}");
    });
}

#[test]
fn a_damaged_bundle_says_which_certificate() {
    both(|| {
        let (first, second) = (Authority::new(), Authority::new());
        let (one, two) = (&first.pem, &second.pem);
        let end = "-----END CERTIFICATE-----";
        let base64 = |pem: &str| pem.lines().nth(1).unwrap().to_owned();
        for (bundle, says) in [
            // The file is cut off, as after a full disk.
            (format!("{one}{}", &two[..two.len() / 2]), "certificate 2"),
            // The end of the first certificate is missing, so the second stands inside it.
            (format!("{}{two}", one.replace(end, "")), "certificate"),
            // One character is not Base64, one line is missing, and one line occurs twice.
            (
                format!("{one}{}", two.replacen(&base64(two)[..8], "MII*****", 1)),
                "certificate 2",
            ),
            (
                format!("{one}{}", two.replace(&base64(two), "")),
                "certificate 2",
            ),
            (
                format!(
                    "{one}{}",
                    two.replacen(&base64(two), &base64(two).repeat(2), 1)
                ),
                "certificate 2",
            ),
            // These first lines are wrong, and a parser would ignore them.
            (
                format!("{one}{}", two.replace("-----BEGIN", "----BEGIN")),
                "line",
            ),
            (
                format!("{one}{}", two.replace("-----BEGIN", " -----BEGIN")),
                "line",
            ),
            (
                format!("{one}{}", two.replace("CERTIFICATE", "TRUSTED CERTIFICATE")),
                "TRUSTED CERTIFICATE",
            ),
        ] {
            let path = file(&bundle);
            let result = ClientConfig::builder().root_file(&*path).build();
            let (what, named, text) = problem(result);
            assert_eq!(what, PemProblem::BadCertificate, "{text}");
            assert_eq!(named, shown(&path));
            assert!(text.contains(says), "{text}");
            // These tests are for the roots of clients and for a chain.
            let me = first.issue(&["localhost"]);
            let server = ServerConfig::builder(&*me.chain, &*me.key).client_root_file(&*path);
            assert_eq!(problem(server.build()).1, shown(&path));
            let key = file(&me.key);
            let server = ServerConfig::from_pem_files(&*path, &*key);
            assert_eq!(problem(server).1, shown(&path));
        }
        let (what, path, _) = problem(ClientConfig::builder().root_pem("nothing").build());
        assert_eq!((what, path), (PemProblem::NoCertificate, None));
        // Other objects in a bundle are ignored.
        let request =
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
        roots(format!("# Our own\n{one}\n{request}{two}")).unwrap();
    });
}

#[test]
fn of_keys_it_says_what_is_wrong() {
    both(|| {
        let ca = Authority::new();
        let (me, other) = (ca.issue(&["localhost"]), ca.issue(&["localhost"]));
        let chain = file(&me.chain);
        let with = |key: &str| {
            let path = file(key);
            let server = problem(ServerConfig::from_pem_files(&*chain, &*path));
            let client = ClientConfig::builder()
                .root_pem(&*ca.pem)
                .certificate_files(&*chain, &*path);
            assert_eq!(server, problem(client.build()), "of both sides the same");
            assert_eq!(server.1, shown(&path));
            (server.0, server.2)
        };
        let (what, text) = with(&other.key);
        assert_eq!(what, PemProblem::KeyMismatch);
        assert!(text.contains(&*chain.to_string_lossy()), "{text}");
        assert_eq!(with(&me.chain).0, PemProblem::NoKey);
        assert_eq!(with("").0, PemProblem::NoKey);
        let middle = me.key.len() / 2;
        assert_eq!(with(&me.key[..middle]).0, PemProblem::BadKey);
        let line = me.key.lines().nth(1).unwrap();
        assert_eq!(with(&me.key.replace(line, "AAAA")).0, PemProblem::BadKey);
        for encrypted in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: \
             AES-128-CBC,00\r\n\r\nMIIF\r\n-----END RSA PRIVATE KEY-----\r\n",
        ] {
            let (what, text) = with(encrypted);
            assert_eq!(what, PemProblem::EncryptedKey);
            assert!(text.contains("openssl pkey"), "{text}");
        }
        let (what, text) =
            with("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
        assert_eq!(what, PemProblem::BadKey);
        assert!(text.contains("OpenSSH"), "{text}");
    });
}

/// The openssl tool makes this key.
#[test]
fn a_key_that_openssl_has_encrypted() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    let me = Authority::new().issue(&["localhost"]);
    let (chain, plain, encrypted) = (file(&me.chain), file(&me.key), TempPath::new());
    let made = Command::new(openssl)
        .args([
            "pkcs8",
            "-topk8",
            "-v2",
            "aes128",
            "-passout",
            "pass:secret",
            "-in",
        ])
        .arg(&*plain)
        .arg("-out")
        .arg(&*encrypted)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let (what, path, _) = problem(ServerConfig::from_pem_files(&*chain, &*encrypted));
    assert_eq!((what, path), (PemProblem::EncryptedKey, shown(&encrypted)));
}

#[test]
fn der_is_no_pem() {
    both(|| {
        let der = [0x30, 0x82, 1, 0, 0x30, 0x81, 0xa7];
        let (what, _, text) = problem(roots(der));
        assert_eq!(what, PemProblem::NotPem);
        assert!(text.contains("DER"), "{text}");
        let me = Authority::new().issue(&["localhost"]);
        let server = ServerConfig::builder(&*me.chain, der).build();
        assert_eq!(problem(server).0, PemProblem::NotPem);
    });
}

#[test]
fn a_file_that_is_not_there_is_named() {
    both(|| {
        let error = ClientConfig::builder()
            .root_file("/nowhere/ca.pem")
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    });
}

#[test]
fn a_name_that_is_none_is_named() {
    both(|| {
        let config = ClientConfig::builder()
            .dangerous_skip_verification()
            .build()
            .unwrap();
        for name in ["", "no name", "a..b", "-", "bücher.example", "10.0.0.1:443"] {
            let (a, _b) = UnixStream::pair().unwrap();
            let error = config.connect(a, name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(error.to_string().contains("xn--"), !name.is_ascii());
        }
    });
}

/// The whole way works with files.
#[test]
fn what_is_right_works() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (chain, key, root) = (file(&me.chain), file(&me.key), file(&ca.pem));
        let acceptor = TlsAcceptor::new(ServerConfig::from_pem_files(&*chain, &*key).unwrap());
        let config = ClientConfig::builder().root_file(&*root).build().unwrap();
        let (a, b): (TcpStream, TcpStream) = tcp_pair();
        let server = process::spawn(move || {
            let mut stream = acceptor.accept(b).unwrap();
            stream.write_all(b"hello").unwrap();
            stream.close().unwrap();
        });
        let mut text = String::new();
        let mut client = config.connect(a, "localhost").unwrap();
        client.read_to_string(&mut text).unwrap();
        server.join().unwrap();
        assert_eq!(text, "hello");
    });
}
