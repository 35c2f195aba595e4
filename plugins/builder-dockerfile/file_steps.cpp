#include <fcntl.h>

#include <algorithm>

#include "archive.hpp"
#include "build.hpp"
#include "copy_files.hpp"
#include "layer_archive/system_error.hpp"
#include "sha256.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

using builder::v1::Step;

/// Where a COPY takes its files from.
struct Build::Origin {
  std::unique_ptr<ScopedTree> stage;  ///< Of COPY --from.
  std::unique_ptr<Tree> stage_tree;
  std::unique_ptr<ContentHash> stage_hash;
  const Tree* tree{};
  ContentHash* hash{};
};

void Build::step(const Workdir& workdir) {
  const std::string path = expanded(workdir.path);
  if (path.empty()) throw Error{Errc::invalid, "cannot normalize nothing"};
  const std::string old = state_.config.working_dir.empty() ? "/" : state_.config.working_dir;
  std::string directory = absolute_path(path, old);
  if (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  state_.config.working_dir = directory;
  Step step = make_step(join(shell(), " ") + " #(nop) WORKDIR " + directory);
  if (take_cached(step)) return;
  const ScopedTree top{session_, state_.image};
  step.top = top.name();
  session_.output(" ---> Running in " + short_id(top.name()) + "\n");
  static_cast<void>(Tree{top.root()}.make_directories(directory, 0, 0));
  commit(std::move(step));
  if (request_.remove) show_removed(top.name());
}

std::string Build::image_of(const std::string& name) {
  if (const auto stage = find_stage(name, stage_)) {
    if (!done_.contains(*stage)) {
      throw Error{Errc::invalid, "invalid from flag value " + name +
                                     ": the stage is not built: name it in an "
                                     "instruction of the stage itself, not in an ONBUILD trigger"};
    }
    return done_.at(*stage).image;
  }
  builder::v1::Image image;
  try {
    session_.image(name, request_.platform, false, image);
  } catch (const Error& error) {
    throw Error{error.code(), "invalid from flag value " + name + ": " + error.what()};
  }
  return image.id;
}

Build::Origin Build::origin_of(const Copy& copy) {
  Origin origin;
  if (copy.from.empty()) {
    origin.tree = &context_.tree();
    origin.hash = &context_.hash();
    return origin;
  }
  origin.stage = std::make_unique<ScopedTree>(session_, image_of(expanded(copy.from)));
  origin.stage_tree = std::make_unique<Tree>(origin.stage->root());
  origin.stage_hash = std::make_unique<ContentHash>(*origin.stage_tree, call_);
  origin.tree = origin.stage_tree.get();
  origin.hash = origin.stage_hash.get();
  return origin;
}

std::vector<std::string> Build::find_sources(const Copy& copy, Origin& origin) const {
  const std::string name = copy.add ? "ADD" : "COPY";
  std::vector<std::string> out;
  std::vector<std::string> all;
  for (const std::string& raw : copy.sources) {
    const std::string source = expanded(raw);
    if (source.find("://") != std::string::npos || source.starts_with("git@")) {
      throw Error{Errc::unsupported,
                  name + " failed: \"" + source + "\": files from elsewhere are not supported: fetch them in a RUN"};
    }
    if (copy.from.empty() && (source == ".." || source.starts_with("../"))) {
      throw Error{Errc::invalid, name + " failed: forbidden path outside the build context: " + source + " ()"};
    }
    const std::string clean = clean_in_root(source);
    if (!path_patterns::has_wildcard(clean)) {
      out.push_back(copy.parents ? source : clean);
      continue;
    }
    if (all.empty()) all = origin.tree->all();
    std::copy_if(all.begin(), all.end(), std::back_inserter(out),
                 [&](const std::string& path) { return path_patterns::matches_path(path, clean); });
  }
  if (out.empty() && copy.heredocs.empty()) {
    throw Error{Errc::invalid, name + " failed: no source files were specified"};
  }
  return out;
}

void Build::check_sources(const Copy& copy, const std::vector<std::string>& sources) const {
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

void Build::write_files(const Copy& copy, const Origin& origin, const std::vector<std::string>& sources,
                        const Tree& to) {
  const std::string directory = state_.config.working_dir.empty() ? "/" : state_.config.working_dir;
  const std::string destination = absolute_path(expanded(copy.destination), directory);
  CopyOptions options;
  options.exclude = IgnorePatterns{copy.exclude};
  if (!copy.owner.empty()) {
    options.owner = resolve_owner(expanded(copy.owner), to);
  } else if (copy.from.empty()) {
    options.owner = Owner{};
  }
  if (!copy.mode.empty()) options.mode = parse_mode(expanded(copy.mode));
  for (const std::string& source : sources) {
    if (copy.add) {
      const UniqueFd file = origin.tree->open(source, O_RDONLY | O_NONBLOCK);
      struct stat status {};
      if (file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && is_archive(file.get())) {
        extract_into(*origin.tree, source, to, destination, call_);
        continue;
      }
    }
    std::string place = destination;
    if (copy.parents) {
      struct stat status {};
      std::string real;
      const bool is_directory = origin.tree->resolve(source, real, status) && S_ISDIR(status.st_mode);
      place += "/" + kept_parents(source);
      if (!is_directory) place.erase(place.rfind('/') + 1);
    }
    copy_into(*origin.tree, source, to, place, options, call_);
  }
  for (const Heredoc& heredoc : copy.heredocs) {
    const std::string content =
        heredoc.expand ? expand_raw(heredoc.content, recipe_.escape, variables()) : heredoc.content;
    write_into(content, heredoc.name, to, destination, options);
  }
}

void Build::step(const Copy& copy) {
  const std::string name = copy.add ? "ADD" : "COPY";
  Origin origin = origin_of(copy);
  const std::vector<std::string> sources = find_sources(copy, origin);
  check_sources(copy, sources);
  const IgnorePatterns exclude{copy.exclude};
  std::vector<std::string> hashes;
  try {
    for (const std::string& source : sources) hashes.push_back(origin.hash->of(source, exclude));
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    const std::string why =
        copy.from.empty() ? error.what() : std::string{error.what()}.substr(std::string{error.what()}.find("stat "));
    throw Error{Errc::invalid, name + " failed: " + why};
  }
  for (const Heredoc& heredoc : copy.heredocs) {
    const std::string content =
        heredoc.expand ? expand_raw(heredoc.content, recipe_.escape, variables()) : heredoc.content;
    hashes.push_back("file:" + sha256_hex(heredoc.name + "\n" + content));
  }
  std::string comment = name + " ";
  if (!copy.owner.empty()) comment += "--chown=" + expanded(copy.owner) + " ";
  if (!copy.mode.empty()) comment += "--chmod=" + expanded(copy.mode) + " ";
  if (copy.parents) comment += "--parents ";
  for (const std::string& pattern : copy.exclude) comment += "--exclude=" + pattern + " ";
  comment += combined_hash(hashes) + " in " + expanded(copy.destination) + " ";
  Step step = make_step(join(shell(), " ") + " #(nop) " + comment);
  if (take_cached(step)) return;
  const ScopedTree top{session_, state_.image};
  step.top = top.name();
  write_files(copy, origin, sources, Tree{top.root()});
  commit(std::move(step));
}

}  // namespace gantry::dockerfile
