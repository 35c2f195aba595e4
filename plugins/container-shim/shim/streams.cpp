#include "shim/streams.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace gantry::container_shim {

namespace {

constexpr std::size_t kMaxClientPending = 65536;
constexpr std::size_t kReadSize = 32768;
constexpr int kMaxFinalReads =
    64;  // more than the largest pipe holds; another writer in the host's PID namespace may go on

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

void make_pipe(UniqueFd& reader, UniqueFd& writer) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return;
  reader.reset(ends[0]);
  writer.reset(ends[1]);
}

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

}  // namespace

StdioEnds make_stdio(const PlanStdio& stdio, bool terminal) {
  StdioEnds ends;
  if (stdio.open_stdin && !terminal) make_pipe(ends.child_input, ends.input);
  if (stdio.attach_stdout && !terminal) make_pipe(ends.output, ends.child_output);
  if (stdio.attach_stderr && !terminal) make_pipe(ends.error, ends.child_error);
  for (UniqueFd* end : {&ends.child_input, &ends.child_output, &ends.child_error}) {
    if (!*end) *end = open_null();
  }
  return ends;
}

Streams::Streams(Loop& loop, const PlanStdio& stdio, bool terminal, LogWriter* log)
    : loop_(loop), terminal_(terminal), close_with_client_(stdio.stdin_once), log_(log) {
  if (log_ != nullptr) log_->on_room([this] { throttle(); });
}

Streams::~Streams() {
  if (log_ != nullptr) log_->on_room(nullptr);
  for (const UniqueFd* fd : {&output_, &error_, &input_}) {
    if (*fd) loop_.remove(fd->get());
  }
  for (const Client& client : clients_) loop_.remove(client.socket.get());
}

void Streams::take(StdioEnds& ends) {
  input_ = std::move(ends.input);
  output_ = std::move(ends.output);
  error_ = std::move(ends.error);
  if (input_) set_nonblocking(input_.get());
  opened_ = !terminal_;
  watch_output(output_, false);
  watch_output(error_, true);
}

void Streams::take_terminal(UniqueFd master) {
  set_nonblocking(master.get());
  input_.reset(::fcntl(master.get(), F_DUPFD_CLOEXEC, 10));
  output_ = std::move(master);
  if (rows_ != 0) resize(rows_, columns_);
  opened_ = true;
  watch_output(output_, false);
  input_blocked_ = false;
  flush_input();
}

void Streams::resize(std::uint16_t rows, std::uint16_t columns) {
  rows_ = rows;
  columns_ = columns;
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  if (terminal_ && output_) ::ioctl(output_.get(), TIOCSWINSZ, &size);
}

void Streams::watch_output(UniqueFd& fd, bool is_error) {
  if (!fd) return;
  set_nonblocking(fd.get());
  loop_.add(fd.get(), EPOLLIN, [this, &fd, is_error](std::uint32_t) { read_output(fd, is_error); });
}

bool Streams::read_output(UniqueFd& fd, bool is_error) {
  char buffer[kReadSize];
  const ssize_t count = fd ? ::read(fd.get(), buffer, sizeof buffer) : 0;
  if (count > 0) {
    deliver(is_error, {buffer, static_cast<std::size_t>(count)});
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (fd) {
    loop_.remove(fd.get());
    fd.reset();  // a terminal that nobody has open reads as EIO
    release_drained();
  }
  return false;
}

void Streams::deliver(bool is_error, std::string_view bytes) {
  if (log_ != nullptr) log_->write(is_error, bytes);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const char header[8] = {static_cast<char>(is_error ? 2 : 1),
                          0,
                          0,
                          0,
                          static_cast<char>(size >> 24U),
                          static_cast<char>(size >> 16U),
                          static_cast<char>(size >> 8U),
                          static_cast<char>(size)};
  for (Client& client : clients_) {
    if (client.hung) continue;
    if (!terminal_) client.pending.append(header, sizeof header);
    client.pending.append(bytes);
    flush_client(client);
  }
  throttle();
}

void Streams::throttle() {
  if (finished_) return;
  const bool full = (log_ != nullptr && log_->full()) ||
                    std::any_of(clients_.begin(), clients_.end(),
                                [](const Client& c) { return c.pending.size() > kMaxClientPending; });
  if (full == throttled_) return;
  throttled_ = full;
  // Taken out rather than muted: a hang-up cannot be muted.
  if (full) {
    if (output_) loop_.remove(output_.get());
    if (error_) loop_.remove(error_.get());
  } else {
    watch_output(output_, false);
    watch_output(error_, true);
  }
}

void Streams::add_client(UniqueFd socket) {
  set_nonblocking(socket.get());
  clients_.remove_if([](const Client& gone) { return !gone.socket; });
  const auto client = clients_.insert(clients_.end(), Client{});
  client->socket = std::move(socket);
  loop_.add(client->socket.get(), EPOLLIN, [this, client](std::uint32_t events) { on_client(client, events); });
  release_drained();
}

void Streams::on_client(ClientList::iterator client, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush_client(*client);
  const bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if ((events & EPOLLIN) != 0 || gone) {
    while (read_client(*client) && gone) {
    }
  }
  if (gone) {
    client->pending.clear();
    loop_.remove(client->socket.get());
    client->hung = true;
    if (!client->reading) drop(*client);
  } else {
    watch_client(*client);
  }
  throttle();
  release_drained();
}

/// False if there is nothing more to read now.
bool Streams::read_client(Client& client) {
  if (!client.reading || input_blocked_) return false;
  char buffer[kReadSize];
  const ssize_t count = ::read(client.socket.get(), buffer, sizeof buffer);
  if (count > 0) {
    write_input({buffer, static_cast<std::size_t>(count)});
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  client.reading = false;
  if (close_with_client_) close_input();
  return false;
}

void Streams::flush_client(Client& client) {
  std::size_t sent = 0;
  while (sent < client.pending.size()) {
    const ssize_t count =
        ::send(client.socket.get(), client.pending.data() + sent, client.pending.size() - sent, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) sent = client.pending.size();  // its hang-up is on the way
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  client.pending.erase(0, sent);
  if (client.pending.empty()) client.pending.shrink_to_fit();
  watch_client(client);
}

void Streams::watch_client(Client& client) {
  if (client.hung) return;
  const bool wants_input = client.reading && !input_blocked_;
  loop_.change(client.socket.get(),
               (wants_input ? unsigned{EPOLLIN} : 0U) | (client.pending.empty() ? 0U : unsigned{EPOLLOUT}));
}

void Streams::drop(Client& client) {
  // Its place in the list goes with the next client: a handler of its own may be on the stack.
  client.pending.clear();
  client.socket.reset();
}

void Streams::release_drained() {
  const bool silent = (opened_ || finished_) && !output_ && !error_;
  for (Client& client : clients_) {
    if (silent && client.pending.empty() && !client.shut && !client.hung) {
      client.shut = true;
      ::shutdown(client.socket.get(), finished_ ? SHUT_RDWR : SHUT_WR);
    }
  }
  if (!finished_ || !idle_) return;
  const bool waiting =
      std::any_of(clients_.begin(), clients_.end(), [](const Client& c) { return !c.pending.empty(); });
  if (!waiting) loop_.defer(std::exchange(idle_, nullptr));
}

void Streams::write_input(std::string_view bytes) {
  if ((!input_ && !terminal_) || input_ending_ || finished_) return;
  pending_input_.append(bytes);
  flush_input();
}

void Streams::flush_input() {
  std::size_t written = 0;
  while (input_ && written < pending_input_.size()) {
    const ssize_t count = ::write(input_.get(), pending_input_.data() + written, pending_input_.size() - written);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) written = pending_input_.size();  // the process has closed its input
      break;
    }
    written += static_cast<std::size_t>(count);
  }
  pending_input_.erase(0, written);
  const bool blocked = !pending_input_.empty();
  if (blocked != input_blocked_) {
    input_blocked_ = blocked;
    if (blocked && input_) loop_.add(input_.get(), EPOLLOUT, [this](std::uint32_t) { flush_input(); });
    if (!blocked) loop_.remove(input_.get());
    for (Client& client : clients_) {
      watch_client(client);
      if (!client.hung || !client.socket || blocked) continue;
      while (read_client(client)) {
      }
      if (!client.reading) drop(client);
    }
  }
  if (!input_blocked_ && input_ending_ && !terminal_) input_.reset();
}

void Streams::close_input() {
  input_ending_ = true;
  if (!input_blocked_ && !terminal_) input_.reset();
}

void Streams::finish(std::function<void()> idle) {
  if (finished_) return;
  throttled_ = false;
  finished_ = true;
  for (auto [fd, is_error] : {std::pair(&output_, false), std::pair(&error_, true)}) {
    for (int i = 0; i < kMaxFinalReads && read_output(*fd, is_error); ++i) {
    }
    if (*fd) loop_.remove(fd->get());
    fd->reset();
  }
  if (log_ != nullptr) log_->finish();
  if (input_) loop_.remove(input_.get());
  input_.reset();
  pending_input_.clear();
  input_blocked_ = false;
  idle_ = std::move(idle);
  // Input that nobody will take would make the client's last read fail with ECONNRESET.
  for (Client& client : clients_) {
    while (read_client(client)) {
    }
    watch_client(client);
  }
  release_drained();
}

}  // namespace gantry::container_shim
