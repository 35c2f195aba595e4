#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/context.hpp"

namespace gantry::images {

/// The changes of a container's writable top as a layer in the blob store; nothing if there are none.
struct TopLayer {
  Descriptor blob;
  std::string diff_id;
  bool is_new{};  ///< Its blob has just been written.
};
/// Whose top it is: what the start of a user's container has made there is no part of its layer, and a build has taken
/// that away itself.
enum class TopKind { container, build_step };
awaitable<std::optional<TopLayer>> pack_top(Context& context, storage::v1::Key top, TopKind kind,
                                            std::optional<std::int64_t> latest = {});

/// An image that is about to be put on record.
struct Draft {
  std::string config_json;
  std::vector<LayerRecord> below;  ///< Of the layers that are there already.
  std::optional<TopLayer> top;
  std::vector<std::string> names;
  std::string parent;
  StepKind kind = StepKind::none;
};
/// Unpacks the new top layer and puts the image on record.
awaitable<Record> keep_image(Context& context, Draft draft);

/// What a step adds to the config of its parent.
struct ChildStep {
  std::string config_object;
  std::string author;
  std::string comment;
  std::string created_by;
  std::optional<TopLayer> top;
  std::string engine{};                   ///< The version of who makes the image; its parent's if empty.
  std::optional<std::int64_t> created{};  ///< Seconds since 1970; none: now.
  std::string platform{};                 ///< Of one that stands on nothing; empty: this host's.
};
/// The config of an image made from `parent`, or from nothing if it is null.
std::string child_config(const Record& parent, const ChildStep& step);

/// Makes an image of one layer from the archive of a root filesystem. Answers its id.
awaitable<std::string> import_image(Context& context, ImportRequest request, UploadSource source, Report report,
                                    Cancel cancel);

/// Makes an image from a container's writable top. Answers its id.
awaitable<std::string> commit_image(Context& context, CommitRequest request);

}  // namespace gantry::images
