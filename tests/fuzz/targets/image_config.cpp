#include "images/image_config.hpp"

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  gantry::images::Image image;
  gantry::images::parse_image_config(text, image);
  static_cast<void>(gantry::images::chain_ids(image.diff_ids));
  static_cast<void>(gantry::images::parse_history(text));
}
