// One request of a session's: prints the status and the type of the answer, then its body. See session.cpp.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "../request.hpp"

int main(int argc, char** argv) {
  const char* socket = std::getenv("SOCKET");
  if (argc < 3 || socket == nullptr) {
    std::fprintf(stderr, "usage: SOCKET=PATH differential-ask METHOD TARGET [BODY]\n");
    return 2;
  }
  const auto answer = gantry::e2e::request(socket, argv[1], argv[2], argc > 3 ? argv[3] : "", std::chrono::seconds{30});
  if (!answer || answer->status == 0) return 1;
  std::printf("%u %s\n", answer->status, answer->content_type.c_str());
  std::fwrite(answer->body.data(), 1, answer->body.size(), stdout);
  return 0;
}
