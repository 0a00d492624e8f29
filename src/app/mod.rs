//! The pure front: state, actions, update. Must never see the network, the store or the terminal.
