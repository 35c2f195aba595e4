#include "http.hpp"

#include <curl/curl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "confinement.hpp"
#include "gantry/error.hpp"

namespace gantry::fetch {
namespace {

constexpr long kMostRedirects = 10;
constexpr long kConnectSeconds = 30;
/// A server that sends nothing for so long has failed.
constexpr long kSilentSeconds = 60;
constexpr std::size_t kMostOfAnError = 256;

struct FreeHandle {
  void operator()(CURL* handle) const noexcept { ::curl_easy_cleanup(handle); }
};

struct Transfer {
  CURL* handle{};
  std::uint64_t limit{};
  std::uint64_t size{};
  bool too_large{};
  std::string refusal;  ///< What an answer that is an error says.
};

std::size_t receive(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  long status = 0;
  ::curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 400) {
    transfer.refusal.append(data, std::min(size, kMostOfAnError - transfer.refusal.size()));
    return size;
  }
  transfer.size += size;
  transfer.too_large = transfer.size > transfer.limit;
  if (transfer.too_large) return 0;
  for (std::size_t put = 0; put < size;) {
    const ssize_t done = ::write(kTarget, data + put, size - put);
    if (done < 0) return 0;
    put += static_cast<std::size_t>(done);
  }
  return size;
}

std::string header(CURL* handle, const char* name) {
  curl_header* found = nullptr;
  if (::curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
  return found->value;
}

const char* reason(long status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 410:
      return " Gone";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    default:
      return "";
  }
}

void configure(CURL* handle, const std::string& url, Transfer& transfer, char* why) {
  ::curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  ::curl_easy_setopt(handle, CURLOPT_MAXREDIRS, kMostRedirects);
  ::curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(handle, CURLOPT_FILETIME, 1L);
  ::curl_easy_setopt(handle, CURLOPT_USERAGENT, "gantry");
  ::curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
  ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &receive);
  ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
}

}  // namespace

void get(const std::string& url, std::uint64_t limit, const std::string& option) {
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, FreeHandle> handle{::curl_easy_init()};
  if (!handle) throw Error{Errc::exhausted, "no memory for a transfer"};
  std::array<char, CURL_ERROR_SIZE> why{};
  Transfer transfer{handle.get(), limit, 0, false, {}};
  configure(handle.get(), url, transfer, why.data());
  const CURLcode outcome = ::curl_easy_perform(handle.get());
  if (transfer.too_large) {
    throw Error{Errc::invalid, "it is larger than " + std::to_string(limit) + " bytes" +
                                   (option.empty() ? "" : " (option " + option + ")")};
  }
  if (outcome != CURLE_OK) {
    const bool is_address = outcome == CURLE_URL_MALFORMAT || outcome == CURLE_UNSUPPORTED_PROTOCOL;
    throw Error{is_address ? Errc::invalid : Errc::unavailable,
                why[0] != '\0' ? std::string{why.data()} : std::string{::curl_easy_strerror(outcome)}};
  }
  long status = 0;
  ::curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 400) {
    throw Error{status == 404 || status == 410 ? Errc::not_found : Errc::unavailable,
                "status " + std::to_string(status) + reason(status) + ": " + transfer.refusal};
  }
  curl_off_t modified = -1;
  ::curl_easy_getinfo(handle.get(), CURLINFO_FILETIME_T, &modified);
  if (modified >= 0) std::printf("modified %lld\n", static_cast<long long>(modified));
  std::printf("type %s\n", header(handle.get(), "Content-Type").c_str());
  std::printf("disposition %s\n", header(handle.get(), "Content-Disposition").c_str());
}

}  // namespace gantry::fetch
