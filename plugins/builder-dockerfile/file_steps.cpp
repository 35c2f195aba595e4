#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "archive.hpp"
#include "build_origins.hpp"
#include "copy_files.hpp"
#include "fetched_files.hpp"
#include "layer_archive/system_error.hpp"
#include "operation.hpp"
#include "sha256.hpp"
#include "stage_build.hpp"
#include "stage_graph.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

using builder::v1::Step;

/// Where a COPY takes its files from.
struct StageBuild::Origin {
  std::unique_ptr<ScopedTree> stage;  ///< Of COPY --from.
  std::unique_ptr<Tree> stage_tree;
  std::unique_ptr<ContentHash> stage_hash;
  const Tree* tree{};
  ContentHash* hash{};
  std::vector<std::unique_ptr<FetchedFiles>> fetched;  ///< Of ADD with addresses.
};

/// One of what a COPY copies.
struct StageBuild::Source {
  const Tree* tree{};  ///< None: of a repository, which is fetched only if the cache does not have the step.
  ContentHash* hash{};
  std::string path;
  bool unpack{};  ///< If it is an archive.
  std::optional<GitAddress> repository;
  std::string commit;
  std::optional<std::uint64_t> limit{};  ///< Bytes that it may unpack to.
};

void StageBuild::step(const Workdir& workdir) {
  const std::string path = expanded(workdir.path);
  if (path.empty()) throw Error{Errc::invalid, "cannot normalize nothing"};
  const std::string old = state_.config.working_dir.empty() ? "/" : state_.config.working_dir;
  std::string directory = absolute_path(path, old);
  if (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  state_.config.working_dir = directory;
  if (trace_ != nullptr) traced_.operation = directory_operation(directory);
  Step step = make_step(join(shell(), " ") + " #(nop) WORKDIR " + directory);
  if (take_cached(step)) return;
  const ScopedTree top{session_, state_.image};
  step.top = top.name();
  say(" ---> Running in " + short_id(top.name()) + "\n");
  static_cast<void>(Tree{top.root()}.make_directories(directory, 0, 0));
  commit(std::move(step));
  if (request_.remove) show_removed(top.name());
}

namespace {

/// A number is a stage's, whether there is one or not: never an image's name.
void refuse_number(const std::string& name, std::size_t current_stage) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return;
  const bool current = number >= 0 && static_cast<std::size_t>(number) == current_stage;
  throw Error{Errc::invalid, "invalid from flag value " + name + ": " +
                                 (current ? "refers to current build stage" : "index out of bounds")};
}

}  // namespace

std::string StageBuild::image_of(const std::string& name) {
  if (const auto stage = find_stage(recipe_, name, stage_)) {
    const auto known = schedule_.result(*stage, stage_);
    if (!known) {
      throw Error{Errc::invalid, "invalid from flag value " + name +
                                     ": the stage is not built: name it in an "
                                     "instruction of the stage itself, not in an ONBUILD trigger"};
    }
    return known->image;
  }
  const auto named = context_.image_named(name);
  if (!named) refuse_number(name, stage_);
  builder::v1::Image image;
  try {
    session_.image(named ? *named : name, request_.platform, false, image);
  } catch (const Error& error) {
    throw Error{error.code(), "invalid from flag value " + name + ": " + error.what()};
  }
  return image.id;
}

StageBuild::Origin StageBuild::origin_of(const Copy& copy) {
  Origin origin;
  if (copy.from.empty()) {
    origin.tree = &context_.tree();
    origin.hash = &context_.hash();
    return origin;
  }
  const std::string from = expanded(copy.from);
  if (const NamedContext* named = context_.named(from, tools_.fetcher, call_)) {
    origin.tree = named->tree.get();
    origin.hash = named->hash.get();
    return origin;
  }
  origin.stage = std::make_unique<ScopedTree>(session_, image_of(from));
  origin.stage_tree = std::make_unique<Tree>(origin.stage->root());
  origin.stage_hash = std::make_unique<TreeHash>(*origin.stage_tree, call_);
  origin.tree = origin.stage_tree.get();
  origin.hash = origin.stage_hash.get();
  return origin;
}

std::vector<StageBuild::Source> StageBuild::find_sources(const Copy& copy, Origin& origin) const {
  const std::string name = copy.add ? "ADD" : "COPY";
  const bool unpack = copy.unpack.value_or(copy.add);
  std::vector<Source> out;
  std::vector<std::string> all;
  for (const std::string& raw : copy.sources) {
    const std::string source = expanded(raw);
    if (is_address(source)) {
      if (!copy.add) throw Error{Errc::invalid, "source can't be a URL for COPY"};
      out.push_back(find_remote(copy, source, origin));
      continue;
    }
    if (!copy.checksum.empty()) {
      throw Error{Errc::invalid, "checksum can't be specified for non-HTTP(S) sources"};
    }
    if (copy.from.empty() && (source == ".." || source.starts_with("../"))) {
      throw Error{Errc::invalid, name + " failed: forbidden path outside the build context: " + source + " ()"};
    }
    const std::string clean = clean_in_root(source);
    if (!path_patterns::has_wildcard(clean)) {
      out.push_back({origin.tree, origin.hash, copy.parents ? source : clean, unpack, {}, {}});
      continue;
    }
    if (all.empty()) all = copy.from.empty() ? context_.paths() : origin.tree->all();
    for (const std::string& path : all) {
      const bool matches = path_patterns::matches_path(path, clean);
      spend(matches ? sizeof(Source) : 1);
      if (matches) out.push_back({origin.tree, origin.hash, path, unpack, {}, {}});
    }
  }
  if (out.empty() && copy.heredocs.empty()) {
    throw Error{Errc::invalid, name + " failed: no source files were specified"};
  }
  return out;
}

void StageBuild::check_sources(const Copy& copy, const std::vector<Source>& sources) const {
  if (sources.size() + copy.heredocs.size() > 1 && !expanded(copy.destination).ends_with('/')) {
    throw Error{Errc::invalid, std::string{"When using "} + (copy.add ? "ADD" : "COPY") +
                                   " with more than one source file, the destination must be a directory and end "
                                   "with a /"};
  }
}

namespace {

/// For --parents: what follows "/./", or all of it.
std::string kept_parents(const std::string& source) {
  const std::size_t pivot = source.find("/./");
  return clean_in_root(pivot == std::string::npos ? source : source.substr(pivot + 3));
}

}  // namespace

void StageBuild::write_source(const Copy& copy, const Source& source, const Tree& to, const std::string& destination,
                              const CopyOptions& options) {
  if (source.repository) {
    GitAddress address = *source.repository;
    address.commit = source.commit;
    const FetchedFiles files{context_.work()};
    tools_.fetcher.repository(address, files.path(), copy.keep_git_dir, call_);
    return copy_into(files.tree(), address.directory, to, destination, options, call_);
  }
  if (source.unpack) {
    const UniqueFd file = source.tree->open_file(source.path);
    if (file && is_archive(file.get())) {
      return extract_into(*source.tree, source.path, to, destination, source.limit, call_);
    }
  }
  std::string place = destination;
  if (copy.parents) {
    struct stat status {};
    std::string real;
    const bool is_directory = source.tree->resolve(source.path, real, status) && S_ISDIR(status.st_mode);
    place += "/" + kept_parents(source.path);
    if (!is_directory) place.erase(place.rfind('/') + 1);
  }
  copy_into(*source.tree, source.path, to, place, options, call_);
}

std::string StageBuild::target_of(const Copy& copy) const {
  const std::string directory = state_.config.working_dir.empty() ? "/" : state_.config.working_dir;
  return absolute_path(expanded(copy.destination), directory);
}

/// As with BuildKit an owner, who may be one of the image below, takes --link's meaning away.
bool StageBuild::stands_alone(const Copy& copy) const {
  return copy.link && copy.owner.empty() && session_.query(builder::v1::Grafts::kService) != nullptr;
}

void StageBuild::write_files(const Copy& copy, const std::vector<Source>& sources, const Tree& to) {
  const std::string destination = target_of(copy);
  CopyOptions options;
  options.exclude = IgnorePatterns{copy.exclude};
  if (!copy.owner.empty()) {
    options.owner = resolve_owner(expanded(copy.owner), to);
  } else if (copy.from.empty()) {
    options.owner = Owner{};
  }
  if (!copy.mode.empty()) options.mode = parse_mode(expanded(copy.mode));
  for (const Source& source : sources) write_source(copy, source, to, destination, options);
  for (const Heredoc& heredoc : copy.heredocs) {
    write_into(expanded_file(heredoc), heredoc.name, to, destination, options);
  }
}

StageBuild::Source StageBuild::find_remote(const Copy& copy, const std::string& address, Origin& origin) const {
  if (auto repository = parse_git_address(address)) {
    if (!copy.checksum.empty()) throw Error{Errc::invalid, "checksum can't be specified for non-HTTP(S) sources"};
    std::string commit = tools_.fetcher.commit_of(*repository, call_);
    if (auto* origins = origins_of(session_)) origins->material(repository_material(*repository, commit));
    return {nullptr, nullptr, "", false, std::move(repository), std::move(commit)};
  }
  if (!copy.checksum.empty() && copy.sources.size() + copy.heredocs.size() > 1) {
    throw Error{Errc::invalid, "checksum can't be specified for multiple sources"};
  }
  auto files = std::make_unique<FetchedFiles>(context_.work());
  const std::string checksum = expanded(copy.checksum);
  const std::string name = files->take(address, checksum, tools_.fetcher, call_);
  if (name.empty() && expanded(copy.destination).ends_with('/')) {
    throw Error{Errc::invalid, "cannot determine filename from url: " + without_password(address)};
  }
  say("\n");
  Source out{
      &files->tree(), &files->hash(call_), name.empty() ? kUnnamedFile : name, copy.unpack.value_or(false), {}, {}};
  out.limit = tools_.fetcher.limit();
  if (auto* origins = origins_of(session_)) {
    origins->material(file_material(address, files->digest(out.path, call_)));
  }
  origin.fetched.push_back(std::move(files));
  return out;
}

std::string StageBuild::hash_of(const Copy& copy, const Source& source, const IgnorePatterns& exclude) const {
  if (!source.repository) return source.hash->of(source.path, exclude);
  const std::string whole = source.commit + ":" + source.repository->directory + (copy.keep_git_dir ? ":git" : "");
  return "git:" + sha256_hex(whole);
}

void StageBuild::step(const Copy& copy) {
  const bool was_here = context_.is_here();
  const std::string name = copy.add ? "ADD" : "COPY";
  Origin origin = origin_of(copy);
  const std::vector<Source> sources = find_sources(copy, origin);
  check_sources(copy, sources);
  std::vector<std::string> hashes;
  try {
    const IgnorePatterns exclude{copy.exclude};
    for (const Source& source : sources) hashes.push_back(hash_of(copy, source, exclude));
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    const std::string why =
        copy.from.empty() ? error.what() : std::string{error.what()}.substr(std::string{error.what()}.find("stat "));
    throw Error{Errc::invalid, name + " failed: " + why};
  }
  for (const Heredoc& heredoc : copy.heredocs) {
    hashes.push_back("file:" + sha256_hex(heredoc.name + "\n" + expanded_file(heredoc)));
  }
  std::string comment = name + " ";
  if (!copy.owner.empty()) comment += "--chown=" + expanded(copy.owner) + " ";
  if (!copy.mode.empty()) comment += "--chmod=" + expanded(copy.mode) + " ";
  if (copy.parents) comment += "--parents ";
  for (const std::string& pattern : copy.exclude) comment += "--exclude=" + pattern + " ";
  if (copy.unpack) comment += *copy.unpack ? "--unpack " : "--unpack=false ";
  const bool alone = stands_alone(copy);
  // Over another parent the working directory may be another.
  const std::string destination = alone ? "--link " + target_of(copy) : expanded(copy.destination);
  comment += combined_hash(hashes) + " in " + destination + " ";
  trace(copy);
  Step step = make_step(join(shell(), " ") + " #(nop) " + comment);
  if (take_cached(step, alone)) return;
  const bool wants_context = std::any_of(sources.begin(), sources.end(),
                                         [&](const Source& source) { return source.tree == &context_.tree(); });
  if (wants_context && !was_here) {
    context_.bring(call_);
    return this->step(copy);
  }
  const ScopedTree top{session_, alone ? "" : state_.image};
  step.top = top.name();
  write_files(copy, sources, Tree{top.root()});
  commit(std::move(step));
}

}  // namespace gantry::dockerfile
