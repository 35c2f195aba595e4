#include "descriptor.hpp"

EXPORT_DESCRIPTOR(right_descriptor("directory"))
