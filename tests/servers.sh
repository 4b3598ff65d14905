#!/usr/bin/env bash
# Real search servers on loopback for the tests, kept in a folder outside the repository.
#
#   tests/servers.sh DIR [all|fetch|start|stop|kill|status] [NAME…]
#
#   elasticsearch         http://127.0.0.1:19200    without security
#   elasticsearch-secure  https://localhost:19202   an authority of its own; users "elastic", "writer"
#                                                   and "reader", who all have one password
#   opensearch            http://127.0.0.1:19203    with its k-NN plugin, without security
#   cluster               http://127.0.0.1:19211, 19212 and 19213: three OpenSearch nodes
#
# Without a command: fetch what is missing, and start. Without a name: the first three. Doing a
# thing twice does no harm. tests/servers.json tells the tests what is there, with the password.
#
# Needs mvn, unzip, openssl, curl and a JDK of at least 21 (JAVA_HOME, or one in /usr/lib/jvm). The
# servers do not run as root: root starts them as the user RUN_AS ("searcher", made when missing).
# HEAP=1g is the memory of each server, CLUSTER_HEAP=512m that of each node of the cluster.
set -euo pipefail

ELASTICSEARCH=9.2.0
OPENSEARCH=3.3.0
RUN_AS=${RUN_AS:-searcher}

if [ $# -eq 0 ]; then sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
state=$(cd "$(dirname "$0")" && pwd)/servers.json
dir=$(mkdir -p "$1" && cd "$1" && pwd)
command=${2:-all}
shift $(($# < 2 ? $# : 2))
names=()
for name in ${*:-elasticsearch elasticsearch-secure opensearch}; do
  case $name in
    elasticsearch | elasticsearch-secure | opensearch | cluster-[123]) names+=("$name") ;;
    cluster) names+=(cluster-1 cluster-2 cluster-3) ;;
    *) echo "There is no server \"$name\"" >&2; exit 2 ;;
  esac
done

# ---- What each server is ----

product() { case $1 in elasticsearch*) echo elasticsearch ;; *) echo opensearch ;; esac; }
home_of() {
  case $(product "$1") in
    elasticsearch) echo "$dir/elasticsearch-$ELASTICSEARCH" ;;
    opensearch) echo "$dir/opensearch-$OPENSEARCH" ;;
  esac
}
port() {
  case $1 in
    elasticsearch) echo 19200 ;;
    elasticsearch-secure) echo 19202 ;;
    opensearch) echo 19203 ;;
    cluster-*) echo $((19210 + ${1#cluster-})) ;;
  esac
}
url() {
  case $1 in
    *-secure) echo "https://localhost:$(port "$1")" ;;
    *) echo "http://127.0.0.1:$(port "$1")" ;;
  esac
}
pid() { cat "$dir/$1/pid" 2>/dev/null || true; }
is_alive() { local p; p=$(pid "$1"); [ -n "$p" ] && kill -0 "$p" 2>/dev/null; }
answers() {
  local login=()
  case $1 in *-secure) login=(--cacert "$dir/ca.crt" -u "elastic:$(cat "$dir/password")") ;; esac
  curl -sf --max-time 5 ${login[@]+"${login[@]}"} "$(url "$1")/_cluster/health" -o /dev/null
}

# ---- Fetching, through Maven ----

mvn_copy() { # artifact, folder
  mvn -q -B dependency:copy -Dartifact="$1" -DoutputDirectory="$2" >"$work/mvn.log" 2>&1 ||
    { cat "$work/mvn.log" >&2; return 1; }
}

fetch_elasticsearch() {
  local zip=elasticsearch-$ELASTICSEARCH.zip
  mvn_copy "org.elasticsearch.distribution.integ-test-zip:elasticsearch:$ELASTICSEARCH:zip" "$work"
  unzip -q "$work/$zip" -d "$work"
  mkdir -p "$work/elasticsearch-$ELASTICSEARCH/plugins"
}

# The k-NN plugin builds on the module lang-painless, which this package lacks.
fetch_opensearch() {
  local home=$work/opensearch-$OPENSEARCH
  mvn_copy "org.opensearch.distribution.integ-test-zip:opensearch:$OPENSEARCH:zip" "$work"
  mvn_copy "org.opensearch.plugin:opensearch-knn:$OPENSEARCH.0:zip" "$work"
  cat >"$work/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.opensearch.plugin</groupId><artifactId>lang-painless</artifactId>
    <version>$OPENSEARCH</version>
  </dependency></dependencies>
</project>
POM
  (cd "$work" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=painless >mvn.log 2>&1) ||
    { cat "$work/mvn.log" >&2; return 1; }
  unzip -q "$work/opensearch-$OPENSEARCH.zip" -d "$work"
  mkdir -p "$home/plugins/opensearch-knn" "$home/modules/lang-painless"
  unzip -q "$work/opensearch-knn-$OPENSEARCH.0.zip" -d "$home/plugins/opensearch-knn"
  cp "$work"/painless/{lang-painless,opensearch-scripting-painless-spi,antlr4-runtime,asm}*.jar \
    "$home/modules/lang-painless/"
  printf '%s\n' name=lang-painless description=painless version=$OPENSEARCH java.version=11 \
    opensearch.version=$OPENSEARCH has.native.controller=false \
    classname=org.opensearch.painless.PainlessModulePlugin \
    >"$home/modules/lang-painless/plugin-descriptor.properties"
}

fetch() { # name
  local home; home=$(home_of "$1")
  [ -d "$home" ] && return
  work=$(mktemp -d "$dir/fetch.XXXXXX")
  "fetch_$(product "$1")"
  mv "$work/$(basename "$home")" "$home" # whole or not at all
  rm -rf "$work"
}

# ---- Configuring ----

# An authority, and a certificate of it for localhost.
make_certificates() {
  [ -s "$dir/http.crt" ] && return
  (
    cd "$dir"
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=tests of Maken" \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
      -keyout ca.key -out ca.crt
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout http.key -out http.csr
    printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 basicConstraints=CA:FALSE \
      extendedKeyUsage=serverAuth >http.ext
    openssl x509 -req -in http.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
      -extfile http.ext -out http.crt
  ) >/dev/null 2>&1
}

configure() { # name
  local node=$dir/$1 home memory settings
  home=$(home_of "$1")
  case $1 in cluster-*) memory=${CLUSTER_HEAP:-512m} ;; *) memory=${HEAP:-1g} ;; esac
  mkdir -p "$node"/{config/jvm.options.d,data,logs,tmp}
  cp "$home"/config/{jvm.options,log4j2.properties} "$node/config/"
  if [ -e "$home/config/fips_java.security" ]; then
    cp "$home/config/fips_java.security" "$node/config/"
  fi
  sed -i.old "s#logs/#$node/logs/#" "$node/config/jvm.options"
  printf '%s\n' "-Xms$memory" "-Xmx$memory" >"$node/config/jvm.options.d/heap.options"
  settings=("node.name: $1" "network.host: 127.0.0.1" "http.port: $(port "$1")"
    "transport.port: $(($(port "$1") + 100))" "path.data: $node/data" "path.logs: $node/logs"
    "cluster.routing.allocation.disk.threshold_enabled: false")
  case $1 in
    cluster-*)
      settings+=("cluster.name: maken-cluster"
        'discovery.seed_hosts: ["127.0.0.1:19311", "127.0.0.1:19312", "127.0.0.1:19313"]'
        'cluster.initial_cluster_manager_nodes: ["cluster-1", "cluster-2", "cluster-3"]')
      ;;
    *) settings+=("cluster.name: maken-$1" "discovery.type: single-node") ;;
  esac
  case $1 in
    elasticsearch) settings+=("xpack.security.enabled: false") ;;
    elasticsearch-secure)
      make_certificates
      cp "$dir"/{http.crt,http.key} "$node/config/"
      touch "$node"/config/{users,users_roles,role_mapping.yml}
      cat >"$node/config/roles.yml" <<ROLES
reader:
  cluster: [monitor]
  indices: [{names: ["*"], privileges: [read, view_index_metadata]}]
writer:
  cluster: [monitor]
  indices: [{names: ["*"], privileges: [read, view_index_metadata, index, maintenance]}]
ROLES
      settings+=("xpack.security.enabled: true" "xpack.security.enrollment.enabled: false"
        "xpack.security.http.ssl.enabled: true" "xpack.security.http.ssl.key: http.key"
        "xpack.security.http.ssl.certificate: http.crt")
      ;;
  esac
  printf '%s\n' "${settings[@]}" >"$node/config/$(product "$1").yml"
  if [ "$(id -u)" = 0 ]; then
    id "$RUN_AS" >/dev/null 2>&1 || useradd --system --no-create-home "$RUN_AS"
    chmod o+x "$dir"
    chown -R "$RUN_AS" "$node"
  fi
  if [ "$1" = elasticsearch-secure ] && [ ! -s "$node/config/elasticsearch.keystore" ]; then
    [ -s "$dir/password" ] || openssl rand -hex 12 >"$dir/password"
    run "$1" "$home/bin/elasticsearch-keystore" create >/dev/null
    tr -d '\n' <"$dir/password" |
      run "$1" "$home/bin/elasticsearch-keystore" add -x -f bootstrap.password
    for user in reader writer; do
      run "$1" "$home/bin/elasticsearch-users" useradd $user -r $user -p "$(cat "$dir/password")"
    done
  fi
}

# ---- Starting and stopping ----

find_java() {
  local java
  for java in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -x "$java/bin/java" ] || continue
    [ "$("$java/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')" -ge 21 ] ||
      continue
    echo "$java"
    return
  done
  echo "No JDK of at least 21 found; set JAVA_HOME" >&2
  return 1
}

run() { # name, program and its arguments
  local node=$dir/$1 as=()
  shift
  if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid="$RUN_AS" --regid="$(id -g "$RUN_AS")" --clear-groups)
  fi
  ${as[@]+"${as[@]}"} env HOME="$node" ES_JAVA_HOME="$java" OPENSEARCH_JAVA_HOME="$java" \
    ES_PATH_CONF="$node/config" OPENSEARCH_PATH_CONF="$node/config" \
    ES_TMPDIR="$node/tmp" OPENSEARCH_TMPDIR="$node/tmp" "$@"
}

launch() { # name
  rm -f "$dir/$1/pid"
  run "$1" "$(home_of "$1")/bin/$(product "$1")" -d -p "$dir/$1/pid" >"$dir/$1/start.log" 2>&1 ||
    return 0 # told below
  for _ in $(seq 300); do [ -s "$dir/$1/pid" ] && break; sleep 0.2; done
}

wait_for() { # name
  for _ in $(seq 240); do
    if answers "$1"; then echo "$1 is up: $(url "$1")"; return; fi
    is_alive "$1" || break
    sleep 0.5
  done
  echo "$1 does not answer:" >&2
  tail -n 20 "$dir/$1/start.log" >&2
  return 1
}

end() { # name, signal
  local p; p=$(pid "$1")
  is_alive "$1" || return 0
  kill "-$2" "$p"
  for _ in $(seq 150); do
    kill -0 "$p" 2>/dev/null || { rm -f "$dir/$1/pid"; echo "$1 is down"; return; }
    sleep 0.2
  done
  kill -9 "$p"
}

# What the tests need to know, in one file that they may read.
write_state() {
  local name entries=()
  for name in elasticsearch elasticsearch-secure opensearch cluster-1 cluster-2 cluster-3; do
    is_alive "$name" || continue
    case $name in
      *-secure)
        entries+=("\"$name\": {\"url\": \"$(url "$name")\", \"user\": \"elastic\", \"password\": \
\"$(cat "$dir/password")\", \"ca\": \"$(awk '{printf "%s\\n", $0}' "$dir/ca.crt")\"}")
        ;;
      *) entries+=("\"$name\": {\"url\": \"$(url "$name")\"}") ;;
    esac
  done
  if [ ${#entries[@]} -eq 0 ]; then rm -f "$state"; return; fi
  (
    IFS=,
    umask 077
    echo "{\"dir\": \"$dir\", \"servers\": {${entries[*]}}}" >"$state.$$.tmp"
  )
  mv "$state.$$.tmp" "$state"
}

fetch_all() { for name in "${names[@]}"; do fetch "$name"; done; }
start_all() {
  java=$(find_java)
  for name in "${names[@]}"; do
    is_alive "$name" && continue
    configure "$name"
    launch "$name" &
  done
  wait
  for name in "${names[@]}"; do wait_for "$name" || failed=1; done
  write_state
  return ${failed:-0}
}
end_all() { # signal
  for name in "${names[@]}"; do end "$name" "$1" & done
  wait
  write_state
}

case $command in
  all) fetch_all; start_all ;;
  fetch) fetch_all ;;
  start) start_all ;;
  stop) end_all TERM ;;
  kill) end_all KILL ;;
  status)
    for name in "${names[@]}"; do
      if answers "$name"; then echo "$name is up: $(url "$name")"; else echo "$name is down"; fi
    done
    ;;
  *) echo "There is no command \"$command\"" >&2; exit 2 ;;
esac
