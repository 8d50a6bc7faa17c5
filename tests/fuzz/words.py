"""What values are made of: words that some rule accepts, and what is put into them to get out of where they stand."""

import string

PEM = """-----BEGIN CERTIFICATE-----
MIIBdjCCAR2gAwIBAgIUQ0ezHKV2BHI2mQ==
-----END CERTIFICATE-----
"""

WORDS = (
    # names
    *("web", "http", "http-prometheus", "metrics", "db", "cache", "logs", "secrets", "app-config", "tls", "a", "0", "x" * 15, "x" * 63),
    *("shop.example.com", "*.example.com", "db.prod.svc.cluster.local", "redis.prod.svc", f"{'x' * 63}.{'y' * 63}.com", "localhost"),
    *("username", "ca.crt", "tls.key", "config.yaml", "app.log", "app-*.log", "server?.json", "archive.tar.gz", "model.zip"),
    *("HOST", "PORT", "LISTEN", "REDIS_URL", "JAVA_OPTS", "http.port", "authorization", "X-Tenant", "sub", "realm:roles"),
    *("shop", "billing", "CN", "my-role", "database", "creds/app", "secret/app", "kv", "pki", "eu-central-1", "vault"),
    # paths, addresses, files
    *("/", "/tmp", "/data", "/var/log/web", "/var/log//web/", "/etc/app/app.conf", "/healthz", "/healthz?full=1", "/-/reload", "/oauth2"),
    *("db.example.com:5432", "10.0.0.53:53", "[fd00::53]:53", "127.0.0.1", "10.0.0.7", "fd00::7", "10.0.0.0/8", "fd00::/8"),
    *("https://vault.vault.svc:8200", "https://issuer.example.com", "https://issuer.example.com/keys", "http://plain.example.com"),
    *("https://shop.example.com/oauth2/callback", "http://127.0.0.1:8200", "https://logs.example.com:4318"),
    *(
        "s3://bucket/models/a.bin",
        "gs://bucket/a.tar.gz",
        "https://example.com/files/model.tar.gz?version=3",
        "https://minio.minio.svc:9000",
    ),
    *("GET /metrics", "OPTIONS /*", "POST /hooks/*", "busybox:1.37", "registry.example.com/team/app:1.2", f"app@sha256:{'0' * 64}", "app"),
    # amounts, versions, settings
    *("1", "0400", "64Mi", "1Gi", "1.5", "100m", "1e3", "1e999", "0", "4Mi", "30s", "5m", "10m", "0" * 64, "1.29", "1.30", "1.31", "1.37"),
    *("vm.max_map_count", "net.ipv4.tcp_keepalive_time", "net.core.somaxconn", "kernel.pid_max", r"\d{4}-\d{2}-", "^ERROR", "[a-z"),
    *("select 1", "select exists(select from versions)", "openid email", "--listen={host}:{port}", "{host}:{port}", "{port}", "{url}"),
    *("{socket}", "--web.listen-address={listen}", "{{ .username }}:{{ .password }}", "redis://{host}:{port}", "$(HOST)", "$$(HOST)"),
    *(
        "",
        " ",
        PEM,
        PEM * 2,
        "mirror.example.com",
        "mirror.example.com/hub",
        "docker.io",
        "quay.io",
        "5s",
        "/usr/bin/exporter",
        "--verbose",
    ),
)
"""Every rule of a text accepts one of them at least: tests/fuzz/test_fuzz.py looks."""

NASTY = (
    # out of a line, a quoted text, a word
    *("\n", "\r", "\r\n", "\t", " ", '"', "'", "`", "\\", "\\n", "\n\n", "\x0b", "\x0c", "\x85", "\u2028"),
    # nginx, haproxy
    *(
        ";",
        "; }",
        "{",
        "}",
        "{}",
        "#",
        " # ",
        "$",
        "$uri",
        "${x}",
        "\n  bind :1",
        ";\n}\nserver {",
        '";}',
        "%",
        "%[x]",
        "%[env(HOME)]",
        "%%",
        "\\;",
    ),
    # shells
    *("$(id)", "`id`", "|", "&", "&&", ">", "<", "*", "?", "~", "[a]", "!", "\n id\n", "';id;'", "-", "--", "-rf"),
    # YAML, JSON
    *(
        ": ",
        "- ",
        "? ",
        "| ",
        "> ",
        "&a ",
        "*a ",
        "!!python/object",
        "---",
        "...",
        "@",
        ",",
        "[",
        "]",
        "'",
        "null",
        "yes",
        "0x1",
        "1e3",
        "08",
    ),
    # templates, environment, the collector
    *("{{ x }}", "{% x %}", "{# x", "{{ end }}", "{host}", "{{host}}", "$(HOST)", "$$", "${env:HOME}", "$(", "%s", "%(x)s"),
    # paths, numbers, the rest of Unicode
    *(
        "..",
        "../",
        "/../",
        "//",
        "/",
        ".",
        "./",
        "\0",
        "\x01",
        "\x1b[2J",
        "\x7f",
        "é",
        "İ",
        "٣",
        "日本",
        "\u200b",
        "\u202e",
        "\ufeff",
        "😀",
        "\ud800",
        "\uffff",
    ),
)

WHOLE = (
    *("yes", "no", "on", "null", "~", "true", "1e3", "0x1f", "08", "1_000", "12:30:45", "2026-01-01", "=", "<<", "-", "--", "---", "..."),
    *("-rf", "--help", "@file", "*", "?", "!", "%", "&", "#", "|", ">", ".", "..", "../..", "/..", "//", "\n", "\0", "\ufeff", "\ud800"),
    *("0", "-1", "65536", "1e309", "inf", "nan", "None", "undefined", string.printable, "x" * 64, "x" * 254, "long " * 2000),
)
"""Hostile as they are."""

NUMBERS = (
    0,
    1,
    2,
    3,
    5,
    10,
    80,
    443,
    600,
    1000,
    1023,
    1024,
    2000,
    5432,
    6379,
    8080,
    8081,
    9114,
    15000,
    65534,
    65535,
    65536,
    2147483,
    2**31 - 1,
)
STRANGE_NUMBERS = (-1, -(2**31), 2**31, 2**63, 10**30, 10**400)
