//! A private OpenLDAP server on loopback with a handful of people, shared by the tests of the run.
//!
//! Used by the tests of looking up addresses. It must never touch the system's own directory, and it
//! ends with the test process, however that ends, as the private Dovecot does.

use super::{make_certificate, wait_until};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The entry below which all are.
pub(crate) const BASE: &str = "dc=example,dc=org";
/// Who may sign in, and with what.
pub(crate) const READER: &str = "cn=reader,dc=example,dc=org";
/// Their password.
pub(crate) const READERS: &str = "Qv3-marimba";

const PEOPLE: &str = "\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=Ann Example,dc=example,dc=org
objectClass: inetOrgPerson
cn: Ann Example
sn: Example
displayName: Ann E. Example
mail: ann@example.org
mail: annie@example.net

dn: cn=Bob (Sales)*,dc=example,dc=org
objectClass: inetOrgPerson
cn: Bob (Sales)*
sn: Sales
mail: bob@example.org

dn: cn=Hostile,dc=example,dc=org
objectClass: inetOrgPerson
cn:: SG9zdGlsZQ0KQmNjOiBhbGxAZXhhbXBsZS5vcmc=
cn: Hostile
sn: Hostile
mail: hostile@example.org

dn: cn=No Mail,dc=example,dc=org
objectClass: inetOrgPerson
cn: Annabel No Mail
cn: No Mail
sn: Mail
";

/// A running server.
pub(crate) struct Slapd {
    /// Port in clear, with StartTLS.
    pub(crate) ldap: u16,
    /// Port over TLS.
    pub(crate) ldaps: u16,
    /// The root to trust.
    pub(crate) ca_file: PathBuf,
    /// Its standard input is the pipe that keeps the server up.
    _keeper: Child,
}

/// Runs the server until the pipe closes, then stops it and takes its files away.
const KEEP: &str = r#"
"$1/slapd" -f "$1/slapd.conf" -h "$2" -d 0 &
server=$!
read -r _
kill "$server"
wait "$server"
rm -rf "$1"
"#;

impl Slapd {
    /// The server, started on first use; `None`, with a word why, where it is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Slapd>> = OnceLock::new();
        let found = SHARED.get_or_init(|| {
            let program = find(&["/usr/sbin/slapd", "/usr/lib/slapd", "/usr/libexec/slapd"])?;
            let modules = find(&["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap"])?;
            let schema = find(&["/etc/ldap/schema", "/etc/openldap/schema"])?;
            Some(Self::start(&program, &modules, &schema))
        });
        if found.is_none() {
            eprintln!("skipped: slapd is not installed; `.ci/test` installs it where it may");
        }
        found.as_ref()
    }

    fn start(program: &Path, modules: &Path, schema: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pbx-ldap-")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(folder.join("data")).unwrap();
        make_certificate(&folder);
        // A copy, because profiles that confine the system's own slapd go by its path.
        let copy = folder.join("slapd");
        fs::copy(program, &copy).unwrap();
        let place = folder.display();
        let schemas: String = ["core", "cosine", "inetorgperson"]
            .map(|name| format!("include {}/{name}.schema\n", schema.display()))
            .concat();
        let config = format!(
            "{schemas}pidfile {place}/pid\nargsfile {place}/args\n\
             TLSCACertificateFile {place}/ca.pem\nTLSCertificateFile {place}/server.pem\n\
             TLSCertificateKeyFile {place}/server.key\n\
             modulepath {}\nmoduleload back_mdb\n\
             database mdb\nmaxsize 10485760\nsuffix \"{BASE}\"\nrootdn \"{READER}\"\nrootpw {READERS}\n\
             directory {place}/data\naccess to * by * read\n",
            modules.display()
        );
        fs::write(folder.join("slapd.conf"), config).unwrap();
        fs::write(folder.join("people.ldif"), PEOPLE).unwrap();
        let added = Command::new(&copy)
            .args(["-T", "add", "-f"])
            .arg(folder.join("slapd.conf"))
            .arg("-l")
            .arg(folder.join("people.ldif"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&added.stderr);
        assert!(added.status.success(), "slapadd: {said}");
        let held = [0, 1].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let [ldap, ldaps] = held.map(|held| held.local_addr().unwrap().port());
        let urls = format!("ldap://127.0.0.1:{ldap}/ ldaps://127.0.0.1:{ldaps}/");
        let log = fs::File::create(folder.join("log")).unwrap();
        let keeper = Command::new("sh")
            .args(["-c", KEEP, "sh"])
            .arg(&folder)
            .arg(urls)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        wait_until("slapd to start", || {
            [ldap, ldaps]
                .iter()
                .all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        });
        Self {
            ldap,
            ldaps,
            ca_file: folder.join("ca.pem"),
            _keeper: keeper,
        }
    }
}

fn find(places: &[&str]) -> Option<PathBuf> {
    places.iter().map(PathBuf::from).find(|path| path.exists())
}
