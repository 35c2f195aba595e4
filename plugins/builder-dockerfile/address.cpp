#include "address.hpp"

#include <regex>

#include "text.hpp"

namespace gantry::dockerfile {
namespace {

bool is_web(const std::string& text) { return text.starts_with("http://") || text.starts_with("https://"); }

int digit_of(char c) {
  const std::size_t value = std::string_view{"0123456789abcdef"}.find(lower(std::string(1, c)));
  return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape =
        text[at] == '%' && at + 2 < text.size() && digit_of(text[at + 1]) >= 0 && digit_of(text[at + 2]) >= 0;
    out += escape ? static_cast<char>(digit_of(text[at + 1]) * 16 + digit_of(text[at + 2])) : text[at];
    if (escape) at += 2;
  }
  return out;
}

/// The last part; empty if it is no name of a file.
std::string last_part(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  const bool usable = name != "." && name != ".." && name.size() < 256 && name.find('\0') == std::string::npos;
  return usable ? name : std::string{};
}

}  // namespace

bool is_address(const std::string& text) {
  return is_web(text) || text.starts_with("git://") || text.starts_with("ssh://") || text.starts_with("git@");
}

std::optional<GitAddress> parse_git_address(const std::string& text) {
  const std::size_t hash = text.find('#');
  GitAddress out;
  out.url = text.substr(0, hash);
  const std::string path = out.url.substr(0, out.url.find('?'));
  const bool by_scheme = out.url.starts_with("git://") || out.url.starts_with("ssh://") || out.url.starts_with("git@");
  if (out.url.starts_with("github.com/")) {
    out.url = "https://" + out.url;
  } else if (!by_scheme && !(is_web(out.url) && path.ends_with(".git"))) {
    return std::nullopt;
  }
  if (hash == std::string::npos) return out;
  const std::string fragment = text.substr(hash + 1);
  const std::size_t colon = fragment.find(':');
  out.reference = fragment.substr(0, colon);
  if (colon != std::string::npos) out.directory = fragment.substr(colon + 1);
  return out;
}

std::string file_name_of(const std::string& url) {
  const std::size_t start = url.find("://");
  std::string path = url.substr(start == std::string::npos ? 0 : start + 3);
  path = path.substr(0, path.find_first_of("?#"));
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? std::string{} : last_part(unescaped(path.substr(slash)));
}

std::string file_name_in(const std::string& disposition) {
  static const std::regex form{R"re(;\s*filename\s*=\s*(?:"([^"]*)"|([^;\s]+)))re", std::regex::icase};
  std::smatch found;
  if (disposition.size() > 1024 || !std::regex_search(disposition, found, form)) return {};
  return last_part(found[1].matched ? found[1].str() : found[2].str());
}

}  // namespace gantry::dockerfile
