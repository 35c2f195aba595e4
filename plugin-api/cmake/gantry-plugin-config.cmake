include("${CMAKE_CURRENT_LIST_DIR}/gantry-plugin-targets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/GantryDriver.cmake")
