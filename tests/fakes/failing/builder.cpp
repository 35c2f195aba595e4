#include <array>
#include <thread>

#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "gantry/builder.hpp"

namespace fake {

using gantry::builder::v1::Image;
using gantry::builder::v1::Session;
using gantry::builder::v1::Step;
using gantry::builder::v1::Steps;

/// Asks its session this and that while a thread of its own runs a command; the recipe's name is the container's.
class Builder : public gantry::builder::v1::Driver {
 public:
  void capabilities(gantry::Capabilities& out) const override { out.clear(); }
  void options(std::vector<gantry::OptionInfo>& out) const override { Failpoints::describe(out); }
  void open(gantry::Host& host) override { points_.open(host); }

  /// The image is the context's length, what the command has said, and the first bytes of the archive.
  void build(const gantry::builder::v1::Request& request, gantry::ByteSource& context, Session& session,
             std::string& out, const gantry::Call& call) override {
    std::size_t size = 0;
    std::vector<std::byte> piece(100'000);
    while (const std::size_t got = context.read(piece)) size += got;
    std::array<char, 4> begin{};
    if (request.archive >= 0 && ::pread(request.archive, begin.data(), begin.size() - 1, 0) < 0) begin = {"-"};
    Said said;
    if (request.target == "leave") {
      leave_running(request.recipe, session);
    } else if (!request.recipe.empty()) {
      run_beside(request.recipe, session, said, call);
    }
    out = std::to_string(size) + said.text + begin.data();
  }
  void usage(gantry::builder::v1::Usage& out, const gantry::Call& call) override {
    points_.during("usage", &call, [&] { out.size = 7; });
  }
  void prune(gantry::builder::v1::Usage& out, const gantry::Call& call) override {
    points_.during("prune", &call, [&] { out.size = 7; });
  }

 private:
  class Said final : public gantry::builder::v1::Output {
   public:
    void write(std::string_view piece, bool /*is_error*/) override { text += piece; }
    std::string text;
  };

  /// What no driver may do: the session is not there any more when the command ends.
  static void leave_running(const std::string& container, Session& session) {
    std::thread{[container, &session] {
      Said said;
      try {
        static_cast<Steps*>(session.query(Steps::kService))->run(container, said);
      } catch (const gantry::Error&) {
        // As it must be.
      }
    }}.detach();
    Image image;
    session.cached(Step{}, image);
  }

  void run_beside(const std::string& container, Session& session, Said& said, const gantry::Call& call) {
    std::jthread command{[&] {
      try {
        static_cast<Steps*>(session.query(Steps::kService))->run(container, said);
      } catch (const gantry::Error&) {
        said.text = "cut";
      }
    }};
    // A session may answer this when the command runs.
    Image image;
    session.cached(Step{}, image);
    points_.during("build", &call, [] {});
  }

  Failpoints points_;
};

}  // namespace fake

GANTRY_EXPORT_DRIVER(gantry::builder::v1::Driver, fake::Builder, "fake", "1.0.0")
