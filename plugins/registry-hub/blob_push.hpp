#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.hpp"
#include "gantry/registry.hpp"
#include "gantry/seekable_source.hpp"

namespace hub {

using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Repository;

bool has_blob(Session& session, const Repository& repository, const Descriptor& blob);

/// Uploads one blob. A transfer that breaks goes on behind the bytes that the registry has kept, or from the start if
/// it kept none; only with a source whose bytes can be had again.
class BlobPush {
 public:
  BlobPush(Session& session, const Repository& repository, const Descriptor& blob, gantry::ByteSource& source)
      : session_(session),
        repository_(repository),
        blob_(blob),
        source_(source),
        seekable_(dynamic_cast<gantry::SeekableSource*>(&source)) {}

  /// Mounts the blob from the first of `mount_from` that has it, and reports from which ("Mounted from a/b"), else
  /// uploads it. Answers whether bytes were sent.
  bool run(const std::vector<std::string>& mount_from);

 private:
  /// Asks for a place to upload to; true if the blob was mounted.
  bool begin(const std::vector<std::string>& mount_from);
  /// Ends an upload that has begun where a mount was wanted.
  void give_up();
  /// Sends the blob from `at_` on. Errors: TransportError where another try may help.
  void send_rest();
  void send_body(Request request, std::initializer_list<unsigned> expected);
  /// Finds out where to go on; true if the registry has all of the blob already.
  bool find_place_to_go_on();
  /// How much the registry has kept of the upload, if it still knows it.
  std::optional<std::uint64_t> ask_how_much_came();
  void move_to(const Response& response, const Url& asked);

  Session& session_;
  const Repository& repository_;
  const Descriptor& blob_;
  gantry::ByteSource& source_;
  gantry::SeekableSource* const seekable_;
  Url location_;
  std::string retry_after_;  ///< How long the registry wants to be left alone, in its words.
  std::uint64_t at_{};
};

}  // namespace hub
