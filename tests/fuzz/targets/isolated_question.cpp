// What a builder's process may ask the daemon in the middle of a build, whatever has become of it.

#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "fuzz_target.hpp"
#include "isolated/frame.hpp"
#include "isolated/session.hpp"

namespace {

using namespace gantry;
using namespace gantry::isolated;

/// Has nothing and does nothing.
class EmptySession final : public builder::v1::Session, public builder::v1::Display {
 public:
  void* query(std::string_view service) noexcept override {
    return service == Display::kService ? static_cast<Display*>(this) : nullptr;
  }
  void output(std::string_view) override {}
  void image(const std::string&, const std::string&, bool, builder::v1::Image&) override {}
  bool cached(const builder::v1::Step&, builder::v1::Image&) override { return false; }
  void commit(const builder::v1::Step&, builder::v1::Image&) override {}
  std::string make_tree(const std::string& image) override { return image; }
  UniqueFd open_tree(const std::string&) override { return {}; }
  void remove_tree(const std::string&) override {}
  std::string create_container(const builder::v1::ContainerSpec& spec) override { return spec.image; }
  int run(const std::string&) override { return 0; }
  void remove_container(const std::string&) override {}
  void report(const builder::v1::StepReport&) override {}
};

}  // namespace

FUZZ_TARGET(text) {
  SocketPair pair = make_socket_pair();
  if (::send(pair.theirs.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
  ::shutdown(pair.theirs.get(), SHUT_WR);
  Line line;
  line.socket = std::move(pair.ours);
  EmptySession session;
  ServedSession served{session, [](const std::string&) {}};
  serve(line, served);
}
