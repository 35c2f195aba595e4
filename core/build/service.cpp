#include "build/service.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>

#include <deque>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.hpp"
#include "build/provenance.hpp"
#include "build/session.hpp"
#include "images/blob_store.hpp"
#include "images/reference.hpp"
#include "images/stream_bridge.hpp"
#include "plugins/given_up.hpp"

namespace gantry::build {

namespace {

constexpr const char* kDefaultBuilder = "dockerfile";

void spool(ByteSource& source, int file) {
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = source.read(buffer)) {
    for (std::size_t put = 0; put < got;) {
      const ssize_t done = ::write(file, buffer.data() + put, got - put);
      if (done < 0) throw_errno("cannot keep the build context");
      put += static_cast<std::size_t>(done);
    }
  }
  if (::lseek(file, 0, SEEK_SET) != 0) throw_errno("cannot read the build context");
}

std::string short_id_of(const std::string& id) { return id.substr(id.find(':') + 1, 12); }

std::string familiar_name(const std::string& name) {
  return images::parse_reference(name).with_default_tag().familiar();
}

void tell(const images::Report& report, std::string text) {
  wire::ProgressMessage message;
  message.stream = std::move(text);
  report(message);
}

void check_platform(const std::string& platform) {
  if (!platform.empty() && images::parse_platform(platform).os != "linux") {
    throw Error{Errc::invalid, "operating system is not supported"};
  }
}

std::vector<std::string> other_stages(const Session& session, const std::string& image) {
  std::vector<std::string> out = session.last_steps();
  std::erase(out, image);
  return out;
}

/// Before all the work, in BuildKit's words.
void check_annotations(const BuildRequest& request) {
  using Place = Annotation::Place;
  if (request.attest.any()) return;
  for (const Annotation& annotation : request.annotations) {
    if (annotation.place != Place::index && annotation.place != Place::index_descriptor) continue;
    throw Error{Errc::invalid, "index annotations not supported for single platform export"};
  }
}

/// What a quiet build says: it is told if the build fails, as dockerd does.
class Hushed {
 public:
  void take(const wire::ProgressMessage& line) {
    if (line.detail) return;
    lines_.push_back(line);
    size_ += size_of(line);
    for (; size_ > kLargest; lines_.pop_front()) size_ -= size_of(lines_.front());
  }
  void tell(const images::Report& report) const {
    for (const wire::ProgressMessage& line : lines_) report(line);
  }

 private:
  static constexpr std::size_t kLargest = std::size_t{1} << 20;
  static std::size_t size_of(const wire::ProgressMessage& line) {
    return sizeof(line) + line.status.size() + line.stream.size() + line.aux.size();
  }

  std::deque<wire::ProgressMessage> lines_;
  std::size_t size_{};
};

}  // namespace

awaitable<UniqueFd> Service::receive(images::UploadSource context) {
  const std::string folder = at_.containers.settings().data_root;
  UniqueFd file{::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600)};
  if (!file) throw_errno("cannot keep the build context in " + folder);
  const int fd = file.get();
  const std::function<void(ByteSource&)> keep = [fd](ByteSource& source) { spool(source, fd); };
  co_await images::read_upload(at_.workers, std::move(context), keep);
  co_return file;
}

awaitable<std::string> Service::claim(DirectoryClaim claim, Peer peer) {
  const auto open = [claim = std::move(claim), peer = std::move(peer)] {
    return std::make_shared<SharedDirectory>(open_claimed(claim, peer));
  };
  auto directory = co_await at_.workers.run(Pool::quick, open);
  co_return directories_.put(std::move(directory));
}

awaitable<std::string> Service::build(BuildRequest request, UniqueFd context, images::Report report,
                                      images::Cancel cancel) {
  // A name that is none is refused before all the work.
  for (const std::string& name : request.names) {
    if (!images::parse_reference(name).digest.empty()) {
      throw Error{Errc::invalid, "build tag cannot contain a digest"};
    }
  }
  check_annotations(request);
  check_platform(request.wanted.platform);
  if (request.directory != nullptr) {
    request.wanted.directory = request.directory->fd.get();
    request.wanted.reader = request.directory->reader;
  }
  request.wanted.archive = request.directory == nullptr ? context.get() : -1;
  const auto wanted = std::make_shared<const BuildRequest>(std::move(request));
  const auto hushed = std::make_shared<Hushed>();
  const images::Report heard =
      wanted->quiet ? images::Report{[hushed](const wire::ProgressMessage& line) { hushed->take(line); }} : report;
  const auto session = std::make_shared<Session>(co_await asio::this_coro::executor, at_, wanted, heard, cancel);
  const auto source = std::make_shared<images::FileSource>(std::move(context));
  const Nanoseconds started = now();
  plugins::CallSettings settings;
  settings.cancel = cancel;
  const auto work = [wanted, session, source](auto& driver, const Call& call) {
    std::string image;
    driver.build(wanted->wanted, *source, *session, image, call);
    return image;
  };
  std::string image;
  std::exception_ptr failure;
  try {
    image = co_await at_.drivers.call(at_.drivers.builder(kDefaultBuilder), Pool::slow, settings, work);
  } catch (const plugins::GivenUp& error) {
    session->abandon(error.what());
    failure = session->failure(error);
  } catch (const Error& error) {
    failure = session->failure(error);
  }
  // Until it has its names, and the others the form that they are to have.
  std::vector<std::shared_ptr<void>> kept;
  if (!image.empty()) kept.push_back(at_.images.hold(image));
  for (const std::string& id : session->last_steps()) kept.push_back(at_.images.hold(id));
  std::string list;
  if (!failure && !image.empty() && wanted->attest.packages) {
    try {
      list = co_await package_list(session, wanted, image);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  co_await session->clean();
  asio::co_spawn(co_await asio::this_coro::executor, cache_.collect(), asio::detached);
  if (failure) {
    hushed->tell(report);
    std::rethrow_exception(failure);
  }
  if (wanted->wanted.check_only) co_return image;
  at_.images.note_result(image);
  const std::vector<std::string> others = other_stages(*session, image);
  if (wanted->form) {
    std::vector<std::string> formed{image};
    if (wanted->tell_stages) formed.insert(formed.end(), others.begin(), others.end());
    // One that is a base alone is as its registry has it.
    std::erase_if(formed, [this](const std::string& id) { return !at_.images.is_step(id); });
    for (const std::string& id : formed) co_await at_.images.form_layers(id, *wanted->form, cancel);
  }
  const Built built{image, list, started};
  const std::string index = co_await attest(wanted, session->sources(), built);
  for (const std::string& name : wanted->names) at_.images.tag(image, name, "");
  wire::ProgressMessage id;
  nlohmann::ordered_json told{{"ID", image}};
  if (!index.empty()) told["Digest"] = index;
  if (wanted->tell_stages) told["Stages"] = others;
  id.aux = told.dump();
  // Who gets the id as a line needs no message with it, unless something is to be done with the image.
  if (!wanted->quiet || wanted->shown != Shown::none) report(id);
  if (wanted->quiet) {
    tell(report, image + "\n");
    co_return image;
  }
  if (wanted->shown == Shown::steps) co_return image;
  tell(report, "Successfully built " + short_id_of(image) + "\n");
  for (const std::string& name : wanted->names) tell(report, "Successfully tagged " + familiar_name(name) + "\n");
  co_return image;
}

awaitable<Pruned> Service::prune(CacheRule rule) {
  const Pruned pruned = co_await cache_.prune(std::move(rule));
  events::Event event;
  event.type = "builder";
  event.action = "prune";
  event.attributes["reclaimed"] = std::to_string(pruned.space);
  at_.bus.publish(std::move(event));
  co_return pruned;
}

}  // namespace gantry::build
