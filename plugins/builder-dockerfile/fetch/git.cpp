#include "git.hpp"

#include <git2.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "gantry/error.hpp"
#include "ssh.hpp"
#include "ssh_address.hpp"

namespace gantry::fetch {
namespace {

/// Submodules of submodules.
constexpr int kDeepest = 4;
/// SSH is for those only who have a home, where known hosts would be: in this one nobody can put any file.
constexpr const char* kHome = "/proc";
/// What a file takes though it be empty.
constexpr std::uint64_t kEntrySize = 512;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const noexcept { Free(object); }
};
template <class T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, Free>>;
using Repository = Owned<git_repository, git_repository_free>;
using Remote = Owned<git_remote, git_remote_free>;
using Object = Owned<git_object, git_object_free>;

void check(int outcome) {
  if (outcome >= 0) return;
  const git_error* error = ::git_error_last();
  const std::string why = error == nullptr || error->message == nullptr ? "unknown error" : error->message;
  throw Error{outcome == GIT_ENOTFOUND ? Errc::not_found : Errc::unavailable, why};
}

void check_address(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://", "git://"}) {
    if (url.starts_with(scheme)) return;
  }
  throw Error{
      Errc::invalid,
      "a repository is at an address that starts with https://, http://, git:// or ssh://, or at git@host:path"};
}

/// libgit2 with no configuration but its own.
class Library {
 public:
  Library() {
    ::setenv("HOME", kHome, 1);
    check(::git_libgit2_init());
    for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG}) {
      ::git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    ::git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, kHome);
    // The directory is the caller's.
    ::git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  }
  ~Library() { ::git_libgit2_shutdown(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

/// Of a repository and all of its submodules.
struct Received {
  std::uint64_t before{};  ///< By the repositories that came before this one.
  std::uint64_t bytes{};
  std::uint64_t written{};  ///< By checkouts.
  std::uint64_t limit{};
  bool too_large{};
};

/// What all of the repositories of one run share.
struct Run {
  Received received;
  SshLogin ssh;
};

int count(const git_indexer_progress* progress, void* self) {
  Received& received = static_cast<Run*>(self)->received;
  received.bytes = received.before + progress->received_bytes;
  received.too_large = received.bytes > received.limit;
  return received.too_large ? -1 : 0;
}

int check_host(git_cert* certificate, int, const char*, void* self) {
  return static_cast<Run*>(self)->ssh.check_key(certificate);
}

int give_key(git_credential** out, const char*, const char* user, unsigned allowed, void* self) {
  return static_cast<Run*>(self)->ssh.give_key(out, user, allowed);
}

/// Other hosts than those of SSH are checked by libgit2, and get no credentials.
git_remote_callbacks callbacks_for(const std::string& url, Run& run) {
  git_remote_callbacks out = GIT_REMOTE_CALLBACKS_INIT;
  out.transfer_progress = &count;
  out.payload = &run;
  if (!dockerfile::is_ssh_address(url)) return out;
  out.certificate_check = &check_host;
  out.credentials = &give_key;
  return out;
}

struct Found {
  std::string name;    ///< "refs/heads/main"; empty: a commit that no name stands for.
  std::string commit;  ///< Its hash, or that of a tag's object.
};

std::vector<Found> names_of(git_remote* remote) {
  const git_remote_head** heads = nullptr;
  std::size_t size = 0;
  check(::git_remote_ls(&heads, &size, remote));
  std::vector<Found> out;
  for (std::size_t at = 0; at < size; ++at) {
    char hash[GIT_OID_HEXSZ + 1]{};
    ::git_oid_tostr(hash, sizeof hash, &heads[at]->oid);
    out.push_back({heads[at]->name, hash});
  }
  return out;
}

bool is_hash(const std::string& text) {
  return text.size() == GIT_OID_HEXSZ && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// A name that stands for a commit, so that no more than it need be fetched.
Found find_commit(const std::vector<Found>& known, const std::string& commit) {
  for (const Found& one : known) {
    if (one.commit != commit) continue;
    const std::size_t peeled = one.name.find("^{}");
    return {one.name.substr(0, peeled), commit};
  }
  return {"", commit};
}

/// A hash is never taken for a name: whoever may make a branch could call it so.
Found find_reference(git_remote* remote, const std::string& wanted) {
  const std::vector<Found> known = names_of(remote);
  if (is_hash(wanted)) return find_commit(known, wanted);
  const std::string reference = wanted.empty() ? "HEAD" : wanted;
  for (const std::string& name :
       {reference, "refs/heads/" + reference, "refs/tags/" + reference, "refs/" + reference}) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const Found& one) { return one.name == name; });
    if (found == known.end()) continue;
    // A tag with a message of its own names an object; the commit stands in a line beside it.
    const auto peeled =
        std::find_if(known.begin(), known.end(), [&](const Found& one) { return one.name == name + "^{}"; });
    return {name, peeled == known.end() ? found->commit : peeled->commit};
  }
  throw Error{Errc::not_found, "repository does not contain ref " + reference};
}

/// `commit` by the name that it was found by, or by another if that has moved on; empty: whatever the name stands for.
Found find_wanted(git_remote* remote, const std::string& reference, const std::string& commit) {
  if (commit.empty()) return find_reference(remote, reference);
  if (!is_hash(commit)) throw Error{Errc::invalid, "not a commit: " + commit};
  const std::vector<Found> known = names_of(remote);
  Found found = find_reference(remote, reference);
  return found.commit == commit ? found : find_commit(known, commit);
}

[[noreturn]] void fail_as_too_large(const Received& received) {
  throw Error{Errc::invalid, "it is larger than " + std::to_string(received.limit) + " bytes (option download-limit)"};
}

Remote connect(git_repository* repository, const std::string& url, Run& run) {
  if (dockerfile::is_ssh_address(url)) {
    run.ssh.prepare(url);
  } else {
    check_address(url);
  }
  git_remote* raw = nullptr;
  check(repository == nullptr ? ::git_remote_create_detached(&raw, url.c_str())
                              : ::git_remote_create(&raw, repository, "origin", url.c_str()));
  Remote remote{raw};
  const git_remote_callbacks callbacks = callbacks_for(url, run);
  const int outcome = ::git_remote_connect(raw, GIT_DIRECTION_FETCH, &callbacks, nullptr, nullptr);
  run.ssh.check();
  check(outcome);
  return remote;
}

void download(git_remote* remote, const Found& wanted, Run& run) {
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.callbacks = callbacks_for(::git_remote_url(remote), run);
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 7
  // Of a commit without a name the whole history is needed: servers give no commit but what names stand for.
  if (!wanted.name.empty()) options.depth = 1;
#endif
  std::string names =
      wanted.name.empty() ? "+refs/heads/*:refs/remotes/origin/*" : "+" + wanted.name + ":refs/gantry/fetched";
  std::string tags = "+refs/tags/*:refs/tags/*";
  char* list[] = {names.data(), tags.data()};
  const git_strarray specs{list, wanted.name.empty() ? std::size_t{2} : std::size_t{1}};
  const int outcome = ::git_remote_fetch(remote, &specs, &options, nullptr);
  if (run.received.too_large) fail_as_too_large(run.received);
  run.ssh.check();
  check(outcome);
  run.received.before = run.received.bytes;
}

struct Sum {
  git_odb* objects;
  Received& received;
};

int add_entry(const char*, const git_tree_entry* entry, void* self) {
  auto& sum = *static_cast<Sum*>(self);
  std::size_t size = 0;
  git_object_t type{};
  if (::git_tree_entry_type(entry) == GIT_OBJECT_BLOB) {
    const int outcome = ::git_odb_read_header(&size, &type, sum.objects, ::git_tree_entry_id(entry));
    if (outcome < 0) return outcome;
  }
  sum.received.written += kEntrySize + size;
  sum.received.too_large = sum.received.written > sum.received.limit;
  return sum.received.too_large ? -1 : 0;
}

/// A few bytes of objects, each named many times, can stand for more files than any disk holds.
void check_size(git_repository* repository, git_object* commit, Received& received) {
  git_object* tree = nullptr;
  check(::git_object_peel(&tree, commit, GIT_OBJECT_TREE));
  const Object owned{tree};
  git_odb* objects = nullptr;
  check(::git_repository_odb(&objects, repository));
  const Owned<git_odb, git_odb_free> owned_objects{objects};
  Sum sum{objects, received};
  const int outcome = ::git_tree_walk(reinterpret_cast<git_tree*>(tree), GIT_TREEWALK_PRE, &add_entry, &sum);
  if (received.too_large) fail_as_too_large(received);
  check(outcome);
}

void check_out_commit(git_repository* repository, const std::string& commit, Received& received) {
  git_oid hash{};
  check(::git_oid_fromstr(&hash, commit.c_str()));
  git_object* raw = nullptr;
  if (::git_object_lookup(&raw, repository, &hash, GIT_OBJECT_ANY) != 0) {
    throw Error{Errc::not_found, "repository does not contain ref " + commit};
  }
  const Object object{raw};
  check_size(repository, raw, received);
  git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
  options.checkout_strategy = GIT_CHECKOUT_FORCE;
  options.disable_filters = 1;
  check(::git_checkout_tree(repository, raw, &options));
  check(::git_repository_set_head_detached(repository, &hash));
}

std::string fetch_into(const std::string& url, const std::string& reference, const std::string& expected,
                       const std::string& directory, Run& run, int depth);

struct Submodules {
  const std::string& directory;
  Run& run;
  int depth;
  std::exception_ptr failure;
};

/// Each is fetched as the first repository was, from an address of the same kinds: over SSH from the same host only,
/// since whoever writes a repository must not choose where the user's keys are used.
int take_submodule(git_submodule* submodule, const char*, void* self) {
  auto& all = *static_cast<Submodules*>(self);
  try {
    const git_oid* head = ::git_submodule_head_id(submodule);
    if (head == nullptr) return 0;
    git_buf url = GIT_BUF_INIT;
    check(::git_submodule_resolve_url(&url, ::git_submodule_owner(submodule), ::git_submodule_url(submodule)));
    const std::string address{url.ptr, url.size};
    ::git_buf_dispose(&url);
    char commit[GIT_OID_HEXSZ + 1]{};
    ::git_oid_tostr(commit, sizeof commit, head);
    const std::string place = all.directory + "/" + ::git_submodule_path(submodule);
    fetch_into(address, commit, commit, place, all.run, all.depth + 1);
    std::filesystem::remove_all(place + "/.git");
    return 0;
  } catch (...) {
    all.failure = std::current_exception();
    return -1;
  }
}

std::string fetch_into(const std::string& url, const std::string& reference, const std::string& expected,
                       const std::string& directory, Run& run, int depth) {
  if (depth > kDeepest) throw Error{Errc::invalid, "its submodules are nested too deeply"};
  git_repository* raw = nullptr;
  check(::git_repository_init(&raw, directory.c_str(), 0));
  const Repository repository{raw};
  const Remote remote = connect(raw, url, run);
  const Found found = find_wanted(remote.get(), reference, expected);
  download(remote.get(), found, run);
  check_out_commit(raw, found.commit, run.received);
  Submodules submodules{directory, run, depth, nullptr};
  const int outcome = ::git_submodule_foreach(raw, &take_submodule, &submodules);
  if (submodules.failure) std::rethrow_exception(submodules.failure);
  check(outcome);
  return found.commit;
}

void tell(const std::string& commit, const Run& run) {
  std::printf("commit %s\n", commit.c_str());
  if (const std::string key = run.ssh.host_key(); !key.empty()) std::printf("host-key %s\n", key.c_str());
}

}  // namespace

void resolve(const std::string& url, const std::string& reference, const std::string& host_key) {
  const Library library;
  Run run{{}, SshLogin{host_key}};
  const Remote remote = connect(nullptr, url, run);
  tell(find_reference(remote.get(), reference).commit, run);
}

void check_out(const std::string& url, const Wanted& wanted, const std::string& directory, std::uint64_t limit) {
  const Library library;
  Run run{{0, 0, 0, limit, false}, SshLogin{wanted.host_key}};
  const std::string commit = fetch_into(url, wanted.reference, wanted.commit, directory, run, 0);
  if (!wanted.keep_git) std::filesystem::remove_all(directory + "/.git");
  tell(commit, run);
}

}  // namespace gantry::fetch
