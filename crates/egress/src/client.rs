//! The guard, the URLs that it passed, and the client that takes nothing else.

use crate::{
    address::{Refusal, refusal},
    resolve::{CheckedResolver, Lookup, RefusedName, System},
};
use ipnet::IpNet;
use reqwest::{Method, RequestBuilder, redirect};
use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use url::{Host, Url};

/// Decides what may be reached.
#[derive(Clone)]
pub struct Guard {
    /// `None`: everything, for addresses that the operator chose.
    allowed: Option<Arc<[IpNet]>>,
    lookup: Arc<dyn Lookup>,
}

/// How long a client waits.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// For the whole request, its answer's body included.
    pub total: Duration,
}

/// An address that a guard has passed.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedUrl(Url);

/// An HTTP client that connects to checked addresses only. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

/// Why a URL cannot be used. For the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("this is not a URL: {0}. Write it as https://host/path")]
    Unreadable(url::ParseError),
    /// Another scheme.
    #[error("only http and https addresses can be used, not {0}")]
    Scheme(String),
    /// `https://user:password@host`: a secret where secrets are shown.
    #[error("the address carries a user name or password; give the key in its own field")]
    Credentials,
    /// Points into this machine or its networks.
    #[error(
        "{host} is {refusal}; the operator of this installation can allow it with models.allowed_private_cidrs"
    )]
    Refused {
        /// As it was read from the URL, numbers in any form written out.
        host: String,
        /// Why.
        refusal: Refusal,
    },
}

impl Guard {
    /// Public addresses, and the private ones on the operator's list.
    pub fn new(allowed: &[IpNet]) -> Self {
        Self {
            allowed: Some(allowed.into()),
            lookup: Arc::new(System),
        }
    }

    /// For addresses that the operator chose: any host.
    pub fn open() -> Self {
        Self {
            allowed: None,
            lookup: Arc::new(System),
        }
    }

    /// The same guard, with another way to find the addresses of names.
    #[must_use]
    pub fn with_lookup(self, lookup: impl Lookup) -> Self {
        Self {
            lookup: Arc::new(lookup),
            ..self
        }
    }

    /// Passes a URL, or says why not. A name's addresses are checked when it is connected to, not here.
    pub fn check(&self, url: &str) -> Result<CheckedUrl, UrlError> {
        let url = Url::parse(url.trim()).map_err(UrlError::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        // Decimal, octal, hexadecimal and short forms are numbers by now: the URL standard says how.
        let address = match url.host() {
            None => return Err(UrlError::Unreadable(url::ParseError::EmptyHost)),
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) => is_localhost(name).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        if let (Some(address), Some(allowed)) = (address, &self.allowed)
            && let Some(refusal) = refusal(address, allowed)
        {
            return Err(UrlError::Refused {
                host: url.host_str().unwrap_or_default().to_owned(),
                refusal,
            });
        }
        Ok(CheckedUrl(url))
    }

    /// A client that keeps to this guard.
    pub fn client(&self, timeouts: Timeouts) -> Result<Client, reqwest::Error> {
        reqwest::Client::builder()
            .dns_resolver(CheckedResolver {
                lookup: self.lookup.clone(),
                allowed: self.allowed.clone(),
            })
            // A redirect is another address, chosen by whoever answers.
            .redirect(redirect::Policy::none())
            // A proxy would resolve the name itself, unchecked.
            .no_proxy()
            .referer(false)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .user_agent(concat!("BotSmith/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Client)
    }
}

/// Resolvers answer these with loopback whatever a server says (RFC 6761).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name == "localhost.localdomain"
}

impl CheckedUrl {
    /// The address with more path behind it; the host stays the one that was checked.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        let joined = format!(
            "{}/{}",
            url.path().trim_end_matches('/'),
            path.trim_start_matches('/')
        );
        url.set_path(&joined);
        Self(url)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Without path and query, which may carry secrets.
impl fmt::Debug for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedUrl({})", self.0.host_str().unwrap_or_default())
    }
}

impl Client {
    /// Begins a request.
    pub fn request(&self, method: Method, url: &CheckedUrl) -> RequestBuilder {
        self.0.request(method, url.0.clone())
    }

    /// Begins a POST.
    pub fn post(&self, url: &CheckedUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Begins a GET.
    pub fn get(&self, url: &CheckedUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }
}

/// Whether a request failed because its host's name leads only to refused addresses.
pub fn refused(error: &reqwest::Error) -> Option<Refusal> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<RefusedName>() {
            return Some(refused.refusal);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Looking;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(2),
        total: Duration::from_secs(5),
    };

    /// Every way to write an inner address that was found in reports and filter-bypass collections.
    const INNER: &[&str] = &[
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.255.255.254/",
        "http://0/",
        "http://0.0.0.0/",
        "http://0x7f000001/",
        "http://0X7F.0.0.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://0177.0.0.01/",
        "http://00000177.0.0.1/",
        "http://127.0.0.1./",
        "http://127%2e0%2e0%2e1/",
        "http://%31%32%37.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://１２７.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "http:///127.0.0.1/",
        " http://127.0.0.1/ ",
        "http://127.0.0.1\t/",
        "http://\n127.0.0.1/",
        "HTTP://127.0.0.1/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://localhost.:80/",
        "http://lo%63alhost/",
        "http://ｌocalhost/",
        "http://anything.localhost/",
        "http://localhost.localdomain/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:0:53aa:64c:0:fbff:80ff:fffe]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fc00::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://10.0.0.1/",
        "http://10.1/",
        "http://167772161/",
        "http://012.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://0xac100001/",
        "http://192.168.0.1/",
        "http://192.168.1/",
        "http://3232235521/",
        "http://0300.0250.0.1/",
        "http://100.64.0.1/",
        "http://100.100.100.200/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0xA9.0xFE.0xA9.0xFE/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ];

    /// What is no URL for us at all.
    const NOT_OURS: &[&str] = &[
        "",
        "//127.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1:11211/",
        "unix:///var/run/docker.sock",
        "data:text/plain,x",
        "javascript:alert(1)",
        "http://",
        "http://user@example.com/",
        "https://user:password@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1#@example.com/",
        "http://[fe80::1%25eth0]/",
        "http://1.2.3.4.5/",
        "http://256.256.256.256/",
        "http://4294967296/",
        "http://exa mple.com/",
        "http://[::1/",
        "http://example.com:99999/",
    ];

    #[test]
    fn s7_no_form_of_an_inner_address_passes() {
        let guard = Guard::new(&[]);
        assert!(INNER.len() >= 60);

        for url in INNER {
            assert!(
                matches!(guard.check(url), Err(UrlError::Refused { .. })),
                "{url:?}: {:?}",
                guard.check(url)
            );
        }
        for url in NOT_OURS {
            assert!(guard.check(url).is_err(), "{url:?} passed");
        }
    }

    #[test]
    fn public_addresses_and_names_pass() {
        let guard = Guard::new(&[]);

        for url in [
            "https://api.openai.com/v1",
            "http://1.1.1.1/",
            "https://[2606:4700:4700::1111]/v1",
            "https://bücher.example/",
        ] {
            assert!(guard.check(url).is_ok(), "{url}: {:?}", guard.check(url));
        }
    }

    #[test]
    fn the_operators_allow_list_opens_its_networks_only() {
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()]);

        assert!(guard.check("http://127.0.0.1:11434/v1").is_ok());
        assert!(guard.check("http://localhost:11434/v1").is_ok());
        assert!(guard.check("http://10.0.0.1/").is_err());
    }

    #[test]
    fn a_path_is_put_below_the_given_one() {
        let url = Guard::new(&[]).check("https://llm.example/api/v1/").unwrap();

        assert_eq!(
            url.below("chat/completions").as_str(),
            "https://llm.example/api/v1/chat/completions"
        );
    }

    /// Answers each time with the next of these; the last one for ever.
    struct Scripted(Vec<Vec<IpAddr>>, Arc<AtomicUsize>);

    impl Lookup for Scripted {
        fn lookup(&self, _name: &str) -> Looking {
            let turn = self.1.fetch_add(1, Ordering::SeqCst);
            let answer = self.0[turn.min(self.0.len() - 1)].clone();
            Box::pin(async move { Ok(answer) })
        }
    }

    #[tokio::test]
    async fn s7_a_name_that_turns_private_after_the_first_answer_is_not_connected_to() {
        let inner = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200))
            .mount(&inner)
            .await;
        let lookups = Arc::new(AtomicUsize::new(0));
        let public = IpAddr::from([192, 0, 2, 1]);
        // The test's "public" address is one that nobody has, so the first request fails to connect.
        let guard = Guard::new(&["192.0.2.0/24".parse().unwrap()]).with_lookup(Scripted(
            vec![vec![public], vec![inner.address().ip()]],
            lookups.clone(),
        ));
        let client = guard
            .client(Timeouts {
                connect: Duration::from_millis(50),
                ..TIMEOUTS
            })
            .unwrap();
        let url = guard
            .check(&format!("http://rebind.example:{}/", inner.address().port()))
            .unwrap();

        let first = client.get(&url).send().await.unwrap_err();
        let second = client.get(&url).send().await.unwrap_err();

        assert_eq!(refused(&first), None);
        assert_eq!(refused(&second), Some(Refusal::Loopback));
        assert_eq!(
            lookups.load(Ordering::SeqCst),
            2,
            "one lookup a connection, and no second one to be lied to"
        );
        assert!(inner.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_a_mixed_answer_only_the_public_addresses_are_tried() {
        let inner = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200))
            .mount(&inner)
            .await;
        let answer = vec![inner.address().ip(), IpAddr::from([192, 0, 2, 1])];
        let guard = Guard::new(&["192.0.2.0/24".parse().unwrap()])
            .with_lookup(Scripted(vec![answer], Arc::default()));
        let client = guard
            .client(Timeouts {
                connect: Duration::from_millis(50),
                ..TIMEOUTS
            })
            .unwrap();
        let url = guard
            .check(&format!("http://mixed.example:{}/", inner.address().port()))
            .unwrap();

        assert!(client.get(&url).send().await.is_err());
        assert!(inner.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn s7_a_redirect_is_handed_back_and_not_followed() {
        let server = MockServer::start().await;
        let to = format!("{}/secret", server.uri());
        Mock::given(wiremock::matchers::path("/"))
            .respond_with(ResponseTemplate::new(302).insert_header("location", to.as_str()))
            .mount(&server)
            .await;
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()]);

        let url = guard.check(&server.uri()).unwrap();
        let answer = guard.client(TIMEOUTS).unwrap().get(&url).send().await.unwrap();

        assert_eq!(answer.status(), 302);
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_allowed_name_is_reached() {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()])
            .with_lookup(Scripted(vec![vec![server.address().ip()]], Arc::default()));

        let url = guard
            .check(&format!("http://llm.example:{}/", server.address().port()))
            .unwrap();

        assert_eq!(
            guard
                .client(TIMEOUTS)
                .unwrap()
                .get(&url)
                .send()
                .await
                .unwrap()
                .status(),
            204
        );
    }
}
