//! [`TcpInfo`]: what the kernel knows of a TCP connection. Not how it is told what to do; see `options`.

use std::io;
use std::time::Duration;

use super::{Socket, TcpStream};

/// The state of a TCP connection and what it has measured, at one moment. Corresponds to `TCP_INFO`.
///
/// # Examples
///
/// ```
/// # let listener = std_net::socket::TcpListener::bind("127.0.0.1:0")?;
/// # let stream = std_net::socket::TcpStream::connect(listener.local_addr()?)?;
/// use std_net::socket::TcpState;
///
/// let info = stream.tcp_info()?;
/// assert_eq!(info.state, TcpState::Established);
/// println!("{:?} there and back, {} segments lost", info.rtt, info.lost);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// The state of the connection.
    pub state: TcpState,
    /// The time there and back, smoothed.
    pub rtt: Duration,
    /// By how much that varies.
    pub rtt_variance: Duration,
    /// The time after which what is not acknowledged is sent again.
    pub retransmission_timeout: Duration,
    /// The largest segment that is sent, in bytes.
    pub send_mss: u32,
    /// The largest segment that is received, in bytes.
    pub recv_mss: u32,
    /// How many segments may be on their way at once: the congestion window.
    pub congestion_window: u32,
    /// Segments that are sent and not acknowledged.
    pub unacknowledged: u32,
    /// Segments that are taken for lost.
    pub lost: u32,
    /// Segments that were sent again, since the connection began.
    pub retransmitted: u32,
    /// How often in a row the oldest segment was sent again without an answer.
    pub attempts: u8,
    /// When data were last sent: so long ago.
    pub last_sent: Duration,
    /// When data were last received: so long ago.
    pub last_received: Duration,
    /// The most that the peer may send at once, in bytes: the receive window it is told of.
    pub recv_space: u32,
}

/// The state of a TCP connection (RFC 9293, section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TcpState {
    /// Data go both ways.
    Established,
    /// It connects.
    SynSent,
    /// It is being accepted.
    SynReceived,
    /// This side has ended, and the peer has not said that it knows.
    FinWait1,
    /// This side has ended, and the peer knows.
    FinWait2,
    /// Both have ended; what may be on its way still is waited for.
    TimeWait,
    /// It is not connected.
    Closed,
    /// The peer has ended; this side has not.
    CloseWait,
    /// Both have ended, and the peer has not said that it knows.
    LastAck,
    /// It listens.
    Listen,
    /// Both have ended at the same time.
    Closing,
    /// A state that this version does not know.
    Other(u8),
}

impl TcpState {
    /// As `linux/tcp_states.h` numbers them.
    fn new(number: u8) -> TcpState {
        match number {
            1 => TcpState::Established,
            2 => TcpState::SynSent,
            3 | 12 => TcpState::SynReceived,
            4 => TcpState::FinWait1,
            5 => TcpState::FinWait2,
            6 => TcpState::TimeWait,
            7 => TcpState::Closed,
            8 => TcpState::CloseWait,
            9 => TcpState::LastAck,
            10 => TcpState::Listen,
            11 => TcpState::Closing,
            other => TcpState::Other(other),
        }
    }
}

impl Socket {
    /// What the kernel knows of this TCP connection: `TCP_INFO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`: `EOPNOTSUPP` or `ENOPROTOOPT` if it is not one.
    #[doc(alias = "TCP_INFO")]
    pub fn tcp_info(&self) -> io::Result<TcpInfo> {
        let info = self.0.tcp_info()?;
        let micros = |n: u32| Duration::from_micros(n.into());
        let millis = |n: u32| Duration::from_millis(n.into());
        Ok(TcpInfo {
            state: TcpState::new(info.tcpi_state),
            rtt: micros(info.tcpi_rtt),
            rtt_variance: micros(info.tcpi_rttvar),
            retransmission_timeout: micros(info.tcpi_rto),
            send_mss: info.tcpi_snd_mss,
            recv_mss: info.tcpi_rcv_mss,
            congestion_window: info.tcpi_snd_cwnd,
            unacknowledged: info.tcpi_unacked,
            lost: info.tcpi_lost,
            retransmitted: info.tcpi_total_retrans,
            attempts: info.tcpi_retransmits,
            last_sent: millis(info.tcpi_last_data_sent),
            last_received: millis(info.tcpi_last_data_recv),
            recv_space: info.tcpi_rcv_space,
        })
    }
}

impl TcpStream {
    /// What the kernel knows of this connection: see [`Socket::tcp_info`].
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn tcp_info(&self) -> io::Result<TcpInfo> {
        self.0.tcp_info()
    }
}
