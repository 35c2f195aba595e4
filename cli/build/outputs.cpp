#include "build/outputs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include "build/annotation_flags.hpp"
#include "build/file_outputs.hpp"
#include "build/layout_images.hpp"
#include "client/credentials.hpp"
#include "client/pending_file.hpp"
#include "command/failure.hpp"
#include "commands/archive_file.hpp"
#include "commands/commands.hpp"
#include "commands/stream_output.hpp"
#include "parse/reference.hpp"
#include "parse/text.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {
namespace {

/// A container that is never started: so that the image's files can be read.
class ReadableImage {
 public:
  ReadableImage(Client& client, const std::string& image) : client_(client) {
    const Json body{{"Image", image}, {"Cmd", Json::array({"none"})}, {"Entrypoint", nullptr}};
    id_ = client_.post("/containers/create", body).at("Id").get<std::string>();
  }
  ~ReadableImage() {
    try {
      client_.call("DELETE", "/containers/" + id_ + "?force=1&v=1");
    } catch (const std::exception&) {
      // It stays for the user to remove.
    }
  }
  ReadableImage(const ReadableImage&) = delete;
  ReadableImage& operator=(const ReadableImage&) = delete;

  std::unique_ptr<Exchange> files() { return client_.stream("GET", "/containers/" + id_ + "/export"); }

 private:
  Client& client_;
  std::string id_;
};

std::string destination(const Output& output) {
  const std::string path = output.attribute("dest");
  return path == "-" ? std::string{} : path;
}

TarReader::Source body_of(Exchange& exchange) {
  return [&exchange](std::span<char> buffer) { return exchange.read_body(buffer); };
}

/// The image's files, with what is said about them where BuildKit says it: beside them.
void export_files(Context& context, const Output& output, const std::string& id, bool attested) {
  std::vector<FileStatement> statements;
  if (attested) {
    const Json said = context.client().get("/images/" + escaped(id) + "/attestations?statement=1");
    statements = file_statements(said, output.attribute("attestation-prefix"));
  }
  ReadableImage image{context.client(), id};
  const auto exchange = image.files();
  if (output.type == "local") return unpack_files(body_of(*exchange), output.attribute("dest"), statements);
  const std::string path = destination(output);
  if (statements.empty()) return write_archive(*exchange, path);
  if (path.empty()) return pass_files(body_of(*exchange), STDOUT_FILENO, statements);
  PendingFile file(path);
  pass_files(body_of(*exchange), file.fd(), statements);
  file.commit();
}

std::unique_ptr<Exchange> saved(Context& context, const std::vector<std::string>& images) {
  Query query;
  for (const std::string& image : images) query.add("names", image);
  return context.client().stream("GET", "/images/get" + query.text());
}

/// Without "sha256:", which would be taken for a repository.
std::string hex_of(const std::string& id) { return id.substr(id.find(':') + 1); }

void tag_as(Context& context, const std::string& id, const std::string& name) {
  const Reference reference = parse_reference(name);
  Query query;
  query.add("repo", reference.name).add("tag", reference.tag.empty() ? "latest" : reference.tag);
  context.client().post("/images/" + escaped(id) + "/tag" + query.text());
}

/// What buildx takes and what changes nothing here is said, and no more: the image is the same but for its form.
void warn_of_unknown(const Output& output) {
  static const std::set<std::string> known{
      "type",           "dest",   "name", "push", "tar", "attestation-prefix", "rewrite-timestamp",
      "oci-mediatypes", "unpack", "store"};
  for (const auto& [name, value] : output.attributes) {
    const bool packs = output.type != "local" && output.type != "tar" && LayerForm::is_attribute(name);
    const bool usual = known.contains(name) || is_annotation(name) || packs;
    if (!usual) std::fprintf(stderr, "WARNING: the output attribute %s has no effect\n", name.c_str());
  }
}

}  // namespace

std::string Output::attribute(const std::string& name) const {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string{} : found->second;
}

bool Output::pushes() const { return attribute("push") == "true"; }

bool Output::is_layout() const { return (type == "oci" || type == "docker") && attribute("tar") == "false"; }

bool Output::takes_stdout() const {
  const bool is_file = type == "tar" || type == "oci" || (type == "docker" && attributes.count("dest") > 0);
  return is_file && (attribute("dest").empty() || attribute("dest") == "-");
}

Output parse_output(const std::string& text) {
  Output out;
  if (text.find('=') == std::string::npos) {
    out.type = text == "-" ? "tar" : "local";
    out.attributes["dest"] = text;
  } else {
    out.attributes = csv_pairs(text);
    out.type = out.attribute("type");
  }
  if (out.type.empty()) throw Failure("type is required for output");
  if (out.type == "registry") {
    out.type = "image";
    out.attributes["push"] = "true";
  }
  const auto known = {"local", "tar", "oci", "docker", "image", "cacheonly"};
  if (std::find(known.begin(), known.end(), out.type) == known.end()) {
    throw Failure("exporter \"" + out.type + "\" could not be found");
  }
  if (out.is_layout() && (out.attribute("dest").empty() || out.attribute("dest") == "-")) {
    throw Failure("dest is required for a layout that is no archive");
  }
  warn_of_unknown(out);
  if (out.type == "local" && out.attribute("dest").empty()) throw Failure("dest is required for local exporter");
  if (out.type == "local" && out.attribute("dest") == "-") throw Failure("dest cannot be stdout for local exporter");
  if (out.takes_stdout() && is_terminal(STDOUT_FILENO)) {
    throw Failure("dest file is required for " + out.type + " exporter. refusing to write to console");
  }
  return out;
}

void push_as(Context& context, const std::string& id, const Target& target, int progress_fd) {
  tag_as(context, id, target.name);
  const Reference reference = parse_reference(target.name);
  Query query;
  query.add("tag", reference.tag.empty() ? "latest" : reference.tag);
  query.add_if(target.plain, "compression", "uncompressed");
  for (const std::string& other : target.beside) query.add("beside", other);
  const Headers headers = push_headers(context, reference);
  const auto exchange =
      context.client().stream("POST", "/images/" + escaped(reference.name) + "/push" + query.text(), "", headers);
  show_progress(*exchange, progress_fd, false);
}

void save_layout(Context& context, const std::vector<std::string>& ids, const std::string& directory) {
  std::vector<std::string> images;
  for (const std::string& id : ids) images.push_back(hex_of(id));
  const auto archive = saved(context, images);
  unpack_files(body_of(*archive), directory, {});
}

void carry_out(Context& context, const Output& output, const Built& built) {
  const std::string& id = built.id;
  if (output.type == "local" || output.type == "tar") {
    return export_files(context, output, id, built.attested);
  }
  const std::string names = output.attribute("name");
  for (const std::string& name : csv_fields(names)) {
    if (name.empty()) continue;
    if (output.pushes()) {
      push_as(context, id, {name, built.form.is_plain()}, STDERR_FILENO);
    } else {
      tag_as(context, id, name);
    }
  }
  if (output.type != "oci" && (output.type != "docker" || output.attributes.count("dest") == 0)) return;
  std::vector<std::string> images;
  for (const std::string& name : csv_fields(names)) {
    if (!name.empty()) images.push_back(name);
  }
  if (images.empty()) images.push_back(hex_of(id));
  const auto archive = saved(context, images);
  if (output.is_layout()) return unpack_files(body_of(*archive), output.attribute("dest"), {});
  write_archive(*archive, destination(output));
}

}  // namespace gantry::cli
