#include "base/id.hpp"
#include "build/package_scan.hpp"
#include "build/provenance.hpp"
#include "build/session.hpp"
#include "build/spdx.hpp"
#include "gantry/error.hpp"
#include "images/platform.hpp"

namespace gantry::build {
namespace {

/// A tree over an image that is only looked at.
class LookedAt {
 public:
  LookedAt(Session& session, const std::string& image)
      : session_(session), name_(session.make_tree(image)), root_(session.open_tree(name_)) {}
  ~LookedAt() {
    root_.reset();
    try {
      session_.remove_tree(name_);
    } catch (const std::exception&) {
      // The session removes it with the others.
    }
  }
  LookedAt(const LookedAt&) = delete;
  LookedAt& operator=(const LookedAt&) = delete;
  [[nodiscard]] int root() const noexcept { return root_.get(); }

 private:
  Session& session_;
  std::string name_;
  UniqueFd root_;
};

const std::vector<std::string>& subjects_of(const BuildRequest& request) {
  return request.attest.subjects.empty() ? request.names : request.attest.subjects;
}

/// `ancestry`: what the image stands on.
awaitable<Made> made_of(images::Service& images, std::shared_ptr<const images::Image> image,
                        std::vector<std::string> ancestry) {
  Made out;
  out.image = image->id;
  out.layers = co_await images.compressed_layers(image->id);
  for (const std::string& id : ancestry) {
    try {
      out.depths[id] = images.get(id)->diff_ids.size();
    } catch (const Error&) {
      // It is gone: what it had is not told.
    }
  }
  co_return out;
}

images::Annotations annotations_for(const BuildRequest& request, const images::Platform& platform) {
  using Place = Annotation::Place;
  images::Annotations out;
  for (const Annotation& annotation : request.annotations) {
    if (!annotation.platform.empty() && annotation.platform != platform.str()) continue;
    auto& notes = annotation.place == Place::manifest              ? out.manifest
                  : annotation.place == Place::manifest_descriptor ? out.manifest_descriptor
                  : annotation.place == Place::index               ? out.index
                                                                   : out.index_descriptor;
    notes[annotation.name] = annotation.value;
  }
  return out;
}

}  // namespace

awaitable<std::string> Service::package_list(std::shared_ptr<Session> session,
                                             std::shared_ptr<const BuildRequest> request, std::string image) {
  const auto& names = subjects_of(*request);
  const Subject subject{names.empty() ? image : names.front(), image, now()};
  const auto scan = [session, subject] {
    const LookedAt tree{*session, subject.image};
    const Inventory found = scan_packages(tree.root(), [&session] { session->check(); });
    return spdx_document(found, subject);
  };
  co_return co_await at_.workers.run(Pool::slow, scan);
}

awaitable<std::string> Service::attest(std::shared_ptr<const BuildRequest> request, Sources sources, Built built) {
  if (!request->attest.any() && request->annotations.empty()) {
    // What an earlier build of the same image has said is not what this one says.
    if (at_.images.is_step(built.image)) co_await at_.images.retract(built.image);
    co_return std::string{};
  }
  if (!at_.images.is_step(built.image)) {
    throw Error{Errc::invalid, "nothing was built: the image is its base, and what is said about that is its maker's"};
  }
  const auto image = at_.images.get(built.image);
  const images::Platform platform{image->os, image->architecture, image->variant};
  images::Saying saying;
  saying.names = subjects_of(*request);
  saying.annotations = annotations_for(*request, platform);
  if (!built.packages.empty()) {
    images::Predicate list{kSpdxType, built.packages};
    saying.predicates.push_back(std::move(list));
  }
  if (request->attest.provenance != Attest::Provenance::none) {
    Invocation invocation{random_id().substr(0, 25), built.started, now(), platform.str(), {}};
    if (request->attest.provenance == Attest::Provenance::max) {
      std::vector<std::string> ancestry = sources.trace.ancestry(image->id);
      Made made = co_await made_of(at_.images, image, std::move(ancestry));
      invocation.made = std::move(made);
    }
    images::Predicate provenance{kProvenanceType, provenance_predicate(*request, sources, invocation)};
    saying.predicates.push_back(std::move(provenance));
  }
  co_return co_await at_.images.attest(built.image, std::move(saying));
}

}  // namespace gantry::build
