#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "images/image.hpp"
#include "images/manifest.hpp"
#include "images/reference.hpp"
#include "state/store.hpp"

namespace gantry::images {

/// One layer of a record, beside the diff and chain IDs at the same place in the image.
struct LayerRecord {
  Descriptor blob;
  std::uint64_t size{};  ///< Bytes unpacked.
};

/// What is said about an image beside it: an index of its manifest and of those whose layers are in-toto statements.
struct Attestation {
  registry::v1::Manifest index;                   ///< Empty: nothing is said.
  std::string subject;                            ///< The digest of the image's manifest.
  std::vector<registry::v1::Manifest> manifests;  ///< Of the statements.
  std::vector<Descriptor> blobs;                  ///< What these name.
};

/// What is on record about an image.
struct ImageRecord {
  Image image;
  std::vector<LayerRecord> layers;
  registry::v1::Manifest manifest;  ///< As it was pulled; empty for one that was made here.
  std::string parent;               ///< The image that this one was committed from.
  Nanoseconds last_tagged{};
  bool hidden{};  ///< Removed by force, but a container still stands on its layers.
  Attestation attestation;
  std::map<std::string, std::string> noted;  ///< Where a layout names the image: `Annotations`.
};

std::string to_record(const ImageRecord& record);
void from_record(const std::string& text, ImageRecord& record);

/// That an image was made as the step of a build, and when that was of use.
struct StepUse {
  Nanoseconds last_used{};
  std::uint64_t count{};
  bool result{};  ///< What a build was asked for, even if it got no name: the user's, and no cache.
  bool alone{};   ///< Its layer was made over nothing, so that it is as good over any other image.
};

/// What an image that is put on record is to builds.
enum class StepKind { none, usual, alone };

std::string to_record(const StepUse& use);
void from_record(const std::string& text, StepUse& use);

using Record = std::shared_ptr<const ImageRecord>;

/// The images on record and their names. Io thread only.
class Catalog {
 public:
  explicit Catalog(state::Store& store);

  /// By name, name@digest, id or unambiguous start of an id; hidden ones not. Null if there is none.
  [[nodiscard]] Record find(const std::string& reference) const;
  /// The same. Errors: not_found in dockerd's words.
  [[nodiscard]] Record get(const std::string& reference) const;
  /// By the whole id, hidden ones too. Null if there is none.
  [[nodiscard]] Record find_id(const std::string& id) const;
  /// By a stored name ("docker.io/library/debian:12" or with a digest).
  [[nodiscard]] Record find_name(const std::string& name) const;
  [[nodiscard]] std::vector<Record> visible() const;
  [[nodiscard]] std::vector<Record> all() const;

  /// Adds an image or adds `names` and `digests` to the one that is there, and takes these names off all others. One
  /// transaction. Answers what is on record now. `kind`: whether a build has made it.
  Record put(ImageRecord record, StepKind kind = StepKind::none);
  /// Gives a name to an image, taking it off another.
  void tag(const std::string& id, const Reference& reference);
  /// Replaces a record as it is.
  void replace(ImageRecord record);
  void erase(const std::string& id);

  /// The images that are on record as made from this one; of "": those of which nothing is known. Hidden ones not.
  [[nodiscard]] std::vector<Record> children(const std::string& id) const;
  [[nodiscard]] bool has_children(const std::string& id) const { return children_.contains(id); }

  /// Null if the image was not made by a build.
  [[nodiscard]] std::shared_ptr<const StepUse> step_use(const std::string& id) const { return steps_.find(id); }
  /// A build has used the image of a step.
  void note_use(const std::string& id);
  /// The image of a step is what a build was asked for.
  void note_result(const std::string& id);
  /// A step without a name that no build was asked for: the builds' cache.
  [[nodiscard]] bool is_cache(const ImageRecord& record) const;

  /// The record of a layer that some image has. Null if none has.
  [[nodiscard]] const LayerRecord* find_layer(const std::string& chain_id) const;
  /// Another blob of the same content takes the place of a layer's that is lost, in all records.
  void replace_blob(const std::string& chain_id, const std::string& lost, const Descriptor& blob);
  [[nodiscard]] std::set<std::string> used_layers() const;
  [[nodiscard]] std::set<std::string> used_blobs() const;

 private:
  void index(const std::string& id, const Record& before);
  [[nodiscard]] StepUse used_again(const std::string& id) const;
  void take_names(state::Transaction& transaction, const std::vector<std::string>& names, const std::string& owner);

  state::Store& store_;
  state::Table<ImageRecord> table_;
  state::Table<StepUse> steps_;
  std::map<std::string, std::string> names_;               // name or name@digest to id
  std::map<std::string, std::set<std::string>> children_;  // id of the parent to ids
};

/// "No such image: x:latest". Errors: not_found.
[[noreturn]] void throw_no_such_image(const std::string& reference);

}  // namespace gantry::images
