#include "session.hpp"

#include <stdlib.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "../images.hpp"
#include "normalise.hpp"

namespace gantry::e2e::differential {

namespace fs = std::filesystem;

namespace {

// What every script can use. `api METHOD PATH [BODY] [CURL-OPTION...]` is one request: its status and type, then its
// body. `create NAME BODY` makes a container and prints the status or the error; `show PATH FILTER`
// is what jq makes of an answer, `order PATH` the names of its members as they come. `clean` removes what a case made.
constexpr const char* kPrologue = R"sh(
cd "$SCRATCH"
docker() { "$CLIENT" "$@"; }
# Debian 12's jq takes 45 ms to start, most of a session's time. Only jq keeps the members' order.
jq() { case "$*" in *keys_unsorted*) command jq "$@";; *) gojq "$@";; esac; }
request() { curl -sg --max-time 30 --unix-socket "$SOCKET" "$@"; }
api() {
  method=$1; path=$2
  case $#${3:-} in
    2|3|3[!-]*) "$ASK" "$@" >.answer;;
    *) shift 2
      # No body: curl takes an empty word for an option, or for nothing, as its version goes.
      case ${1:-} in '') shift;; -*) ;; *) body=$1; shift; set -- -H 'Content-Type: application/json' --data-binary "$body" "$@";; esac
      request -X "$method" -o .body -w '%{http_code} %{content_type}\n' "http://d$path" "$@" >.answer
      [ ! -s .body ] || cat .body >>.answer;;
  esac
  cat .answer; [ -z "$(tail -c1 .answer)" ] || echo
  rm -f .answer .body
}
body() { "$ASK" "$@" | tail -n +2; }
show() { body GET "/v1.45$1" | jq -c "$2"; }
order() { body GET "/v1.45$1" | command jq -c '[paths | map(if type == "number" then "#" else . end) | join(".")] | .[]' | awk '!seen[$0]++' | tr -d '"'; }
answer() { request -o .body -w '%{http_code} ' "$@"; jq -r '.message // "made"' .body; rm -f .body; }
create() {
  "$ASK" POST "/v1.45/containers/create?name=$1" "$2" >.answer
  read -r code _ <.answer
  printf '%s ' "$code"
  tail -n +2 .answer | jq -r '.message // "made"'
  rm -f .answer
}
shown() {
  cat .out; [ -z "$(tail -c1 .out)" ] || echo
  sed 's/^/! /' .err
  [ "$1" = 0 ] || echo "[$1]"
  : >.err
}
leftovers() {
  request http://d/containers/json?all=1 http://d/volumes http://d/networks http://d/images/json?all=1 | jq -rs '
    (.[0][] | "/containers/\(.Id)"),
    ((.[1].Volumes // [])[] | "/volumes/\(.Name)"),
    (.[2][] | select(.Name | IN("bridge", "host", "none") | not) | "/networks/\(.Id)"),
    (.[3][].RepoTags[]? | select(. != "busybox:latest") | "/images/\(.)"),
    (.[3][] | select((.RepoTags // []) | length == 0) | "/images/\(.Id)")'
}
clean() {
  wait
  set -- $(leftovers | sed 's|.*|http://d&?force=1\&v=1|')
  [ $# = 0 ] || request -X DELETE "$@"
}
)sh";

std::string script_of(const Case& script) {
  std::string text = kPrologue;
  int number = 0;
  for (const std::string& command : script.commands) {
    const std::string tag = "SAID_" + std::to_string(number++);
    text +=
        "cat <<'" + tag + "'\n$ " + command + "\n" + tag + "\n{ " + command + "\n} >.out 2>.err </dev/null; shown $?\n";
  }
  return text + "clean >/dev/null 2>&1\n";
}

fs::path make_scratch() {
  std::string pattern = (fs::temp_directory_path() / "gantry-session-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  return pattern;
}

}  // namespace

Session::Session(fs::path socket, std::string client, std::map<std::string, std::string> words)
    : socket_(std::move(socket)), client_(std::move(client)), words_(std::move(words)), scratch_(make_scratch()) {
  words_[scratch_.string()] = "<scratch>";
  words_[socket_.string()] = "<socket>";
}

Session::~Session() {
  std::error_code ignored;
  fs::remove_all(scratch_, ignored);
}

Environment Session::environment() const {
  const std::string host = "unix://" + socket_.string();
  return {{"DOCKER_HOST", host},
          {"GANTRY_HOST", host},
          {"DOCKER_CONFIG", (scratch_ / ".client").string()},
          {"DOCKER_CLI_HINTS", "false"},
          {"DOCKER_BUILDKIT", "0"},
          {"LC_ALL", "C"},
          {"TZ", "UTC"},
          {"SOCKET", socket_.string()},
          {"SCRATCH", scratch_.string()},
          {"ASK", GANTRY_DIFFERENTIAL_ASK},
          {"CLIENT", client_}};
}

bool Session::load_image() {
  return shell("tar -C " + busybox_archive().string() + " -c . | \"$CLIENT\" load", environment()).code == 0;
}

std::string Session::run(const Case& script) {
  // Each case has a folder of its own to write to, empty but for the client's settings.
  for (const auto& entry : fs::directory_iterator{scratch_}) fs::remove_all(entry.path());
  constexpr std::chrono::seconds patience{180};  // of a busy machine
  const Result result = shell(script_of(script), environment(), {}, patience);
  return normalise(result.out + result.err, words_);
}

}  // namespace gantry::e2e::differential
