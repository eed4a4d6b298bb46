// Commands of the lookaside lists, the depth governor's passes, and the window of registers.
//
// Contract (docs/protocol.md): cmd_valid_i is a pulse with one of LOOKASIDE_OPEN, LOOKASIDE_CLOSE
// and GOVERN, given while busy_o is 0; done_o is a pulse at the end, status_o is valid from then
// until the next command. tick_i asks for a pass over all lists; up to 15 wait. Nothing goes to the
// engine but while ask_o and owner_i are set: ask_o falls after each command and each pass, so that
// lines get their turn. Operations carry tag 1 if they are the last; only the answers to those are
// shown here. The window: re_i, and some cycles later rvalid_o with rdata_o; one read at a time.
// Cost: a pass takes 3 cycles a list, and 7 more for one that is open.
`default_nettype none

module lookaside_control #(
    parameter int unsigned NumLists = 64,
    parameter int unsigned DomainW  = 6,
    localparam int unsigned ListW   = $clog2(NumLists)
) (
    input  wire                clk_i,
    input  wire                rst_i,
    output logic               active_o,  // there is something to do
    // commands
    input  wire                cmd_valid_i,
    input  wire  [3:0]         cmd_command_i,
    input  wire  [9:0]         cmd_list_i,
    input  wire  [DomainW-1:0] cmd_domain_i,
    input  wire  [8:0]         cmd_depth_i,
    input  wire  [8:0]         cmd_minimum_i,
    input  wire  [8:0]         cmd_maximum_i,
    output logic               busy_o,
    output logic               done_o,
    output logic [3:0]         status_o,
    // governor
    input  wire                tick_i,
    output logic               cnt_pass_o,
    // engine
    output logic               ask_o,
    input  wire                owner_i,
    output logic               req_valid_o,
    input  wire                req_ready_i,
    output logic [2:0]         req_op_o,
    output logic [ListW-1:0]   req_list_o,
    output logic [DomainW-1:0] req_domain_o,
    output logic [63:0]        req_data_o,
    output logic               req_tag_o,
    input  wire                rsp_valid_i,
    input  wire  [3:0]         rsp_status_i,
    // register window
    input  wire                re_i,
    input  wire  [5:0]         index_i,
    input  wire  [4:0]         addr_i,
    output logic               rvalid_o,
    output logic [31:0]        rdata_o,
    output logic               read_o,
    output logic [ListW-1:0]   read_list_o,
    output logic [4:0]         read_addr_o,
    input  wire                read_valid_i,
    input  wire  [31:0]        read_data_i
);

  localparam int unsigned PendingW = 4;

  typedef enum logic [1:0] {StIdle, StAsk, StSend, StWait} state_e;

  state_e              state_q;
  logic [PendingW-1:0] pending_q;   // passes that are due
  logic                command_q;   // a command waits or is being executed
  logic                ours_q;      // what is being executed is the command, not a due pass
  logic                pass_q;      // it is a pass
  logic [2:0]          op_q;
  logic [9:0]          list_q;
  logic [DomainW-1:0]  domain_q;
  logic [ListW-1:0]    walk_q;
  logic                unknown;     // the command's list does not exist
  logic                begin_pass;  // a due one
  logic                ended;

  exalloc_pkg::lookaside_depths_t depths_d;
  exalloc_pkg::lookaside_depths_t depths_q;

  always_comb begin
    depths_d         = '0;
    depths_d.depth   = cmd_depth_i;
    depths_d.minimum = cmd_minimum_i;
    depths_d.maximum = cmd_maximum_i;
  end

  assign unknown    = list_q >= 10'(NumLists) && op_q != exalloc_pkg::LookasideOpGovern;
  assign begin_pass = state_q == StIdle && !command_q && pending_q != '0;
  assign ended      = state_q == StWait && rsp_valid_i;

  assign ask_o        = state_q != StIdle;
  assign req_valid_o  = state_q == StSend;
  assign req_op_o     = pass_q ? exalloc_pkg::LookasideOpGovern : op_q;
  assign req_list_o   = pass_q ? walk_q : list_q[ListW-1:0];
  assign req_domain_o = domain_q;
  assign req_data_o   = {32'd0, depths_q};
  assign req_tag_o    = !pass_q || walk_q == ListW'(NumLists - 1);

  assign busy_o     = command_q;
  assign active_o   = command_q || pending_q != '0 || ask_o;
  assign cnt_pass_o = ended && pass_q;

  always_ff @(posedge clk_i) begin
    done_o <= 1'b0;
    unique case (state_q)
      StIdle: begin
        walk_q <= '0;
        ours_q <= command_q;
        pass_q <= !command_q || op_q == exalloc_pkg::LookasideOpGovern;
        if (command_q && unknown) begin
          command_q <= 1'b0;
          done_o    <= 1'b1;
          status_o  <= exalloc_pkg::StatusBadList;
        end else if (command_q || pending_q != '0) begin
          state_q <= StAsk;
        end
      end
      StAsk: begin
        if (owner_i) begin
          state_q <= StSend;
        end
      end
      StSend: begin
        if (req_ready_i) begin
          walk_q <= walk_q + 1'b1;
          if (req_tag_o) begin
            state_q <= StWait;
          end
        end
      end
      StWait: begin
        if (rsp_valid_i) begin
          state_q <= StIdle;
          if (ours_q) begin
            command_q <= 1'b0;
            done_o    <= 1'b1;
            status_o  <= pass_q ? exalloc_pkg::StatusOk : rsp_status_i;
          end
        end
      end
      default: state_q <= StIdle;
    endcase
    if (cmd_valid_i && !command_q) begin
      command_q <= 1'b1;
      list_q    <= cmd_list_i;
      domain_q  <= cmd_domain_i;
      depths_q  <= depths_d;
      op_q      <= (cmd_command_i == exalloc_pkg::CommandLookasideOpen)
                       ? exalloc_pkg::LookasideOpOpen :
                   (cmd_command_i == exalloc_pkg::CommandLookasideClose)
                       ? exalloc_pkg::LookasideOpClose : exalloc_pkg::LookasideOpGovern;
    end
    if (tick_i && !begin_pass) begin
      pending_q <= (pending_q == '1) ? pending_q : pending_q + 1'b1;
    end else if (!tick_i && begin_pass) begin
      pending_q <= pending_q - 1'b1;
    end
    if (rst_i) begin
      state_q   <= StIdle;
      pending_q <= '0;
      command_q <= 1'b0;
      status_o  <= exalloc_pkg::StatusOk;
    end
  end

  // ---- The window ----

  logic absent_q;
  logic existing;
  assign existing    = 7'(index_i) < 7'(NumLists);
  assign read_o      = re_i && existing;
  assign read_list_o = index_i[ListW-1:0];
  assign read_addr_o = addr_i;
  assign rvalid_o    = read_valid_i || absent_q;
  assign rdata_o     = absent_q ? '0 : read_data_i;
  always_ff @(posedge clk_i) begin
    absent_q <= re_i && !existing && !rst_i;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (cmd_valid_i && !rst_i) begin
      assert (!command_q);
      assert (cmd_command_i == exalloc_pkg::CommandLookasideOpen ||
              cmd_command_i == exalloc_pkg::CommandLookasideClose ||
              cmd_command_i == exalloc_pkg::CommandGovern);
    end
  end
`endif

endmodule

`default_nettype wire
